"""A real SLURM of one node: its own munge, controller and node daemon, all in one folder and stopped at the end.

Only a link to its slurm.conf stands where SLURM's commands look for it, as Snakemake's jobs drop SLURM_CONF.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LINK = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CONF = """
ClusterName=wae
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldTimeout=30
KillWait=20
MinJobAge=600
NodeName={host} CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def lacking() -> str | None:
    """What this machine lacks to run a cluster, or None."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    if LINK.exists():
        return f"this machine is part of a cluster already: {LINK}"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{', '.join(absent)} not found; install Debian's slurmctld, slurmd and munge" if absent else None


@contextmanager
def cluster(folder: Path, cores: int = 2) -> Iterator[None]:
    """Run a cluster in ``folder``; its jobs are cancelled and its daemons stopped at the end."""
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    controller, node = _free_ports()
    conf = folder / "slurm.conf"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10 // 2**20  # MB
    text = CONF.format(host=host, controller=controller, node=node, folder=folder, cores=cores, memory=memory)
    conf.write_text(text)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
    munge += [f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"]
    commands = [munge, ["slurmctld", "-D", "-f", str(conf)], ["slurmd", "-D", "-f", str(conf), "-N", host]]
    daemons: list[subprocess.Popen[bytes]] = []
    LINK.parent.mkdir(exist_ok=True)
    LINK.unlink(missing_ok=True)  # of a test that was killed
    LINK.symlink_to(conf)
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as log:
                daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
            if command[0] == "munged":
                _wait_for(lambda: (folder / "munge.socket").exists(), folder)
        _wait_for(lambda: "idle" in said("sinfo", "-h", "-o", "%T"), folder)
        yield
    finally:
        said("scancel", "--me")
        _stop(daemons)
        LINK.unlink()


def _stop(daemons: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + 30
    while said("squeue", "-h") and time.monotonic() < end:  # jobs end before the daemons that watch over them
        time.sleep(0.2)
    for daemon in reversed(daemons):
        daemon.terminate()
    for daemon in daemons:
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def said(*command: str) -> str:
    """What a command prints; empty when it fails, as it does while the controller starts."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("", 0))
        two.bind(("", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _wait_for(condition: Callable[[], bool], folder: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            logs = "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in folder.glob("*.out"))
            raise RuntimeError(f"the cluster is not ready after {seconds:.0f} s:\n{logs}")
        time.sleep(0.2)
