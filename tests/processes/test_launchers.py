"""Address, number of processes and rank by what launchers put into the environment."""

import pytest

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
