"""Files and directories as blocks: profiles, chunkers, layouts, HAMT, path resolution."""
