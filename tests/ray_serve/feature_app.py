"""What Ray Serve deploys for test_backend.py; runs in the environment with Ray."""

import asyncio
import os

from ray import serve


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Extractor:
    """Takes a moment for each request; does not start with a certain restart's key."""

    def __init__(self):
        if os.environ.get("FEATUREWATCH_RESTART") == "fatal":
            raise ValueError("no weights")

    async def __call__(self, request):
        """Answer after 50 ms."""
        await asyncio.sleep(0.05)
        return "features"


app = Extractor.bind()
