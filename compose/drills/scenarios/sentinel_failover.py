"""`sentinel-failover`: the master under Sentinel dies, and its replica takes
over."""

from __future__ import annotations

from collections.abc import Sequence

from drills import fleet
from drills.context import Context
from drills.model import Drill, Step
from drills.publisher import Address

SERVERS = ("redis", "redis-2")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
NAME = "mymaster"


def fields(reply: object) -> dict[str, str]:
    """Keys and values that came in turn."""
    assert isinstance(reply, list)
    return dict(zip(reply[::2], reply[1::2]))


class Master:
    """The master by the newest configuration that any sentinel has."""

    def __init__(self) -> None:
        self._asked = fleet.Asked()

    def __call__(self) -> Address:
        newest, found = -1, None
        for sentinel in SENTINELS:
            address = (fleet.address_of(sentinel), 26379)
            # The epoch first: an address that is older than its epoch would pass
            # for the newest.
            known = fields(self._asked.ask(address, "SENTINEL", "MASTER", NAME))
            named = self._asked.ask(
                address, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME
            )
            if int(known["config-epoch"]) > newest and isinstance(named, list):
                newest, found = int(known["config-epoch"]), named
        if found is None:
            raise ConnectionError("no sentinel names a master")
        return str(found[0]), int(found[1])


def master() -> str:
    """The service that it is now."""
    host = Master()()[0]
    return next(s for s in SERVERS if fleet.address_of(s) == host)


def whole() -> bool:
    """One server is the master, the other its replica and in step."""
    now = master()
    other = next(s for s in SERVERS if s != now)
    role = fleet.ask(other, "ROLE")
    known = fleet.ask("sentinel-1", "SENTINEL", "REPLICAS", NAME)
    return (
        isinstance(role, list) and role[0] == "slave" and role[3] == "connected"
        and isinstance(known, list) and fields(known[0])["flags"] == "slave"
    )  # fmt: skip


def prepare(context: Context) -> None:
    found = fleet.start(
        context, "compose.sentinel.yml", (*SERVERS, *SENTINELS), Master(), whole
    )
    found.victim = master()


def method(context: Context) -> Sequence[Step]:
    victim = context.state.victim

    def planned(context: Context) -> None:
        fleet.ask("sentinel-1", "SENTINEL", "FAILOVER", NAME)
        context.eventually(
            lambda: master() == victim, fleet.TAKEOVER_SECONDS, "the master is back"
        )

    return fleet.method(context, lambda: master() != victim, whole, planned)


DRILL = Drill(
    name="sentinel-failover",
    title="The master under Sentinel dies",
    proves="When sentinels replace a dead master the broker follows, closes no "
    "client, and tells what was lost.",
    hypothesis=fleet.hypothesis(whole),
    method=method,
    levels=fleet.levels,
    prepare=prepare,
    measure=fleet.measure,
    quick=fleet.QUICK,
    long=fleet.LONG,
)
