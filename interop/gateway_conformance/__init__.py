"""gateway-conformance, the specifications' own suite, run against jiaozi and a real Kubo."""
