"""The works a server is given. One row a work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """Viewers, channels and how much is published."""

    name: str
    title: str
    viewers: int
    channels: int = 1
    rate: float = 0  # messages a second over all channels
    in_flight: int = 0  # instead of a rate: saturate
    loud_rate: float = 0  # of one more channel with one subscriber
    windows: int = 1  # how many measuring windows long

    def flags(self, seconds: float) -> list[str]:
        pace = (
            ["--in-flight", str(self.in_flight)]
            if self.in_flight
            else ["--rate", str(self.rate), "--loud-rate", str(self.loud_rate)]
        )
        size = ["--viewers", str(self.viewers), "--channels", str(self.channels)]
        return [*size, *pace, "--seconds", str(seconds * self.windows)]


SMOKE = Work("smoke", "20 subscribers, 50 msg/s", 20, 2, 50)
ALONE = Work("fairness-alone", "20 subscribers, 100 msg/s", 20, 1, 100, windows=2)
BESIDE = Work(
    "fairness-beside",
    "20 subscribers, 100 msg/s, beside a channel with 20,000 msg/s",
    20,
    1,
    100,
    loud_rate=20000,
    windows=2,
)

WORKS = {
    work.name: work
    for work in (
        Work("300", "300 subscribers, 100 msg/s", 300, 1, 100),
        Work("1000", "1,000 subscribers, 100 msg/s", 1000, 1, 100),
        Work("saturated", "1,000 subscribers, saturated", 1000, in_flight=4),
        Work(
            "channels",
            "2,000 channels × 1 subscriber, 20,000 msg/s",
            2000,
            2000,
            20000,
        ),
        Work("5000", "5,000 subscribers, 20 msg/s", 5000, 1, 20),
        Work("idle", "10,000 idle subscribers", 10000, 10),
        ALONE,
        BESIDE,
    )
}

# Of --tls.
IDLE_TLS = Work("idle-tls", "2,000 idle subscribers", 2000, 10)
TLS_WORKS = [WORKS["300"], WORKS["1000"], IDLE_TLS]

# What --work may name, and the works that this means.
NAMED = {
    **{name: (name,) for name in WORKS if not name.startswith("fairness")},
    "fairness": (ALONE.name, BESIDE.name),
}
QUICK = ("300", "1000")
REPLAY = ("1000", "channels")

# Growth: only the number varies, the deliveries a second stay.
GROWTH_DELIVERIES = 20000
GROWTH_SUBSCRIBERS = (10, 100, 1000, 5000, 10000, 19000)
GROWTH_CHANNELS = (1, 10, 100, 1000, 10000)


def growth_works() -> list[Work]:
    """Subscribers of one channel, then channels with one subscriber each."""
    subscribers = [
        Work(
            f"subscribers-{count}",
            f"{count:,} subscribers of one channel",
            count,
            1,
            GROWTH_DELIVERIES / count,
            # Few messages a second: their number in a window must be many.
            windows=2 if count >= 5000 else 1,
        )
        for count in GROWTH_SUBSCRIBERS
    ]
    channels = [
        Work(
            f"channels-{count}",
            f"{count:,} channel{'s' if count > 1 else ''} × 1 subscriber",
            count,
            count,
            GROWTH_DELIVERIES,
        )
        for count in GROWTH_CHANNELS
    ]
    return subscribers + channels
