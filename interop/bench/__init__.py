"""Who is faster: jiaozi and Kubo run in turn on one machine, and the table that comes of it."""
