"""The agent of the lesson: a small web service that says which container it runs in."""

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def root():
    return {
        "message": "Hello from container",
        "container_hostname": os.environ["HOSTNAME"],
    }


@app.get("/health")
def health():
    # 8000 is what uvicorn listens on in here. Which port of the host leads to
    # it, if any does, an application can't know.
    return {"status": "healthy", "port": 8000}
