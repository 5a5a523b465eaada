"""What `test_rpc` asks both daemons: the command lines and requests, by endpoint."""
