"""`cluster-failover`: the node of a Redis Cluster that the broker reads from
dies."""

from __future__ import annotations

from collections.abc import Sequence

from drills import fleet
from drills.context import Context
from drills.errors import CouldNotRun
from drills.model import Drill, Step
from drills.publisher import Address

NODES = ("redis", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6")
REPLICAS = 3


class LivingNode:
    """The same node as long as it answers, then the next one."""

    def __init__(self) -> None:
        self._asked = fleet.Asked()
        self._turn = len(NODES) - 1

    def __call__(self) -> Address:
        for _ in NODES:
            address = (fleet.address_of(NODES[self._turn]), 6379)
            try:
                self._asked.ask(address, "PING")
                return address
            except OSError:
                self._turn = (self._turn + 1) % len(NODES)
        raise ConnectionError("no node answers")


def link_node() -> str:
    """The node that the broker has subscribed at."""
    for node in NODES:
        counted = fleet.ask(node, "PUBSUB", "NUMSUB", fleet.CHANNEL)
        if isinstance(counted, list) and counted[1] > 0:
            return node
    raise CouldNotRun("the broker has subscribed at no node")


def serves(node: str) -> bool:
    return "cluster_state:ok" in str(fleet.ask(node, "CLUSTER", "INFO"))


def is_replica(node: str) -> bool:
    said = str(fleet.ask(node, "INFO", "replication"))
    return "role:slave" in said and "master_link_status:up" in said


def whole() -> bool:
    in_step = sum(is_replica(node) for node in NODES)
    return all(serves(node) for node in NODES) and in_step == REPLICAS


def prepare(context: Context) -> None:
    found = fleet.start(context, "compose.cluster.yml", NODES, LivingNode(), whole)
    found.victim = link_node()


def method(context: Context) -> Sequence[Step]:
    victim = context.state.victim

    def replaced() -> bool:
        """It owns no slots any more, and the link has moved."""
        living = [node for node in NODES if node != victim]
        slots = fleet.ask(living[0], "CLUSTER", "SLOTS")
        owners = {rng[2][0] for rng in slots} if isinstance(slots, list) else set()
        heard = (fleet.ask(n, "PUBSUB", "NUMSUB", fleet.CHANNEL) for n in living)
        return fleet.address_of(victim) not in owners and any(
            isinstance(counted, list) and counted[1] > 0 for counted in heard
        )

    def planned(context: Context) -> None:
        replica = next(node for node in NODES if is_replica(node))
        fleet.ask(replica, "CLUSTER", "FAILOVER")
        context.eventually(
            lambda: not is_replica(replica) and whole(), fleet.TAKEOVER_SECONDS,
            "roles are swapped",
        )  # fmt: skip

    return fleet.method(context, replaced, whole, planned)


DRILL = Drill(
    name="cluster-failover",
    title="A node of a Redis Cluster dies",
    proves="When the cluster node that the broker reads from dies the broker uses "
    "another one at once, closes no client, and tells what was lost.",
    hypothesis=fleet.hypothesis(whole),
    method=method,
    levels=fleet.levels,
    prepare=prepare,
    measure=fleet.measure,
    quick=fleet.QUICK,
    long=fleet.LONG,
)
