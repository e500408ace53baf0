"""The conformance kit of the lease protocol: it plays server to a worker, and worker to a server."""
