"""Address, number of processes and rank by what launchers put into the environment."""

import sys
from types import SimpleNamespace

import pytest

import cutaway as ct
from cutaway.distributed.launchers import launched
from cutaway.errors import ArgumentError

OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
            "PMIX_NAMESPACE": "prterun-node-7@1"}  # Open MPI 5.0.11
MPICH = {"PMI_SIZE": "4", "PMI_RANK": "2", "MPI_LOCALNRANKS": "4", "MPI_LOCALRANKID": "2"}  # MPICH 5.0.2


@pytest.mark.parametrize(("environment", "who"), [(OPEN_MPI, (2, 1)), (MPICH, (4, 2))], ids=["Open MPI", "MPICH"])
def test_on_one_machine_all_is_found(environment, who):
    address, *found = launched(None, environment)
    assert tuple(found) == who
    assert address.startswith("127.0.0.1:6")
    assert address == launched(None, environment)[0]


def test_on_several_machines_the_address_is_asked_for():
    there = MPICH | {"MPI_LOCALNRANKS": "2"}
    with pytest.raises(ArgumentError, match=r'rank 2 of 4 on several machines, .*as in start\("node-1:9911"\)'):
        launched(None, there)
    assert launched("node-1:9911", there) == ("node-1:9911", 4, 2)


@pytest.mark.parametrize("environment", [
    {}, OPEN_MPI | {"OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911"},
    MPICH | {"SLURM_STEP_NODELIST": "node[1-4]"},
], ids=["nobody", "Open MPI 4", "srun"])
def test_whom_jax_asks_itself_nobody_else_does(environment):
    assert launched(None, environment) is None


def test_mpirun_in_a_job_of_slurm_says_who_is_who():
    assert launched("node-1:9911", OPEN_MPI | {"SLURM_STEP_NODELIST": "node-1", "SLURM_PROCID": "0"})[1:] == (2, 1)


class OfAnIndexedJob:
    """What JAX's class for Kubernetes asks its server, as the third of four pods would be answered."""

    def __init__(self, subdomain):
        owner = SimpleNamespace(controller=True, kind="Job")
        self.pod = SimpleNamespace(metadata=SimpleNamespace(labels={"job-name": "train"}, owner_references=[owner]),
                                   spec=SimpleNamespace(subdomain=subdomain))
        self.job = SimpleNamespace(metadata=SimpleNamespace(name="train", labels={}),
                                   spec=SimpleNamespace(parallelism=4))

    def put_into(self, monkeypatch, cluster):
        answers = {"_pod": self.pod, "_job": self.job, "_controller": self.pod.metadata.owner_references[0],
                   "_headless_svc": None}
        for name, answer in answers.items():
            monkeypatch.setattr(cluster, name, lambda answer=answer: answer)
        package = SimpleNamespace(
            config=SimpleNamespace(load_incluster_config=lambda: None),
            client=SimpleNamespace(CoreV1Api=dict, BatchV1Api=dict, exceptions=SimpleNamespace(ApiException=KeyError)))
        monkeypatch.setitem(sys.modules, "kubernetes", package)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")


@pytest.mark.parametrize(("subdomain", "found", "words"), [
    ("workers", ("train-0.workers:55527", 4, 2), "no cluster is found"),
    (None, None, "the cluster does not say who takes part: Pods within a job need .*clusterIP: None.*subdomain: "),
], ids=["with a headless service", "without"])
def test_kubernetes_is_asked_by_jax_and_what_it_misses_is_told_whole(monkeypatch, subdomain, found, words):
    """No cluster and no network: JAX's own class reads a stand-in, and nobody is called."""
    jax = pytest.importorskip("jax")
    from jax._src.clusters import ClusterEnv, K8sCluster

    OfAnIndexedJob(subdomain).put_into(monkeypatch, K8sCluster)
    seen = []

    def initialize(address, processes, rank, cluster_detection_method, initialization_timeout):
        seen.append(ClusterEnv.auto_detect_unset_distributed_params(address, processes, rank, None,
                                                                    cluster_detection_method, None)[:3])
        raise ValueError("that is enough")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with pytest.raises(ArgumentError, match=f"(?s){words}"):
        ct.distributed.start()
    assert seen == [found] * (found is not None)
