"""llama.cpp's own HTTP server, which xllamacpp carries: a program to be run beside the tests."""

import argparse
import threading

import xllamacpp


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--ears", default="")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--api-key", default="")
    asked = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = asked.model
    params.mmproj.path = asked.ears
    params.model_alias = {asked.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = asked.port
    params.api_keys = [asked.api_key] if asked.api_key else []
    params.n_parallel = 2
    params.n_ctx = 2 * 4096
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # As exact as the other engines, so that their answers can be compared.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.fit_params = False
    params.offline = True
    params.ui = False
    params.use_jinja = True
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    main()
