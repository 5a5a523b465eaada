"""History taken over from git: read by its plumbing, made anew here (``specs/from-git.md``)."""
