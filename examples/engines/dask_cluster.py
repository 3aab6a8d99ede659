"""A Dask cluster as an engine.

sssam compare study.toml --engine examples/engines/dask_cluster.py,scheduler=tcp://host:8786
"""

import distributed

from sssam.lab.engines import Pool


def engine(scheduler: str, jobs: int = 0, threads: int = 1) -> Pool:
    """As many runs at once as there are workers now, unless `jobs` says otherwise."""
    client = distributed.Client(scheduler, set_as_default=False)
    jobs = jobs or len(client.nthreads())
    return Pool(client.get_executor(pure=False), jobs, threads, lost=(distributed.KilledWorker,))
