"""The demonstration behind ``make demo``: a real table and generated images, in two versions."""
