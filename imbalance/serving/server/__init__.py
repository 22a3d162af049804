"""A server that speaks TensorFlow Serving's protocol for the model folders of this package.

For one machine, and for trying a model before it goes to TensorFlow Serving: the same URLs, bodies
and gRPC calls. Source of the protocol: https://www.tensorflow.org/tfx/serving/api_rest and the
``.proto`` files of tensorflow-serving-api.

What it stands on, and why:

- aiohttp serves HTTP. It is a server, a router and a client in one library that runs inside an
  event loop which gRPC shares, bounds bodies while they arrive, and closes its listening socket
  apart from its connections, which a stop that fails no request needs. Starlette with Uvicorn
  would do as well, with five packages more and signal handlers of its own.
- grpcio (``grpc.aio``) serves gRPC, with the messages of tensorflow-serving-api: no copy of the
  protocol is kept here.
- prometheus-client counts and times, and writes ``/metrics``.
- TensorFlow computes, by the session that TensorFlow Serving uses too: it is freed when a version
  is unloaded, and its calls come from many threads.

Nothing here needs Keras or a run folder.
"""
