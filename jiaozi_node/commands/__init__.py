"""One declaration and one handler for each command; front ends only render them."""
