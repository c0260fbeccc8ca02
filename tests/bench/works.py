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
    rate: int = 0  # messages a second over all channels
    in_flight: int = 0  # instead of a rate: saturate

    def flags(self, seconds: float) -> list[str]:
        pace = (
            ["--in-flight", str(self.in_flight)]
            if self.in_flight
            else ["--rate", str(self.rate)]
        )
        size = ["--viewers", str(self.viewers), "--channels", str(self.channels)]
        return [*size, *pace, "--seconds", str(seconds)]


WORKS = {
    work.name: work
    for work in (
        Work("smoke", "20 subscribers, 50 msg/s", 20, 2, 50),
        Work("300", "300 subscribers, 100 msg/s", 300, 1, 100),
        Work("1000", "1,000 subscribers, 100 msg/s", 1000, 1, 100),
        Work("saturated", "1,000 subscribers, saturated", 1000, 1, 0, 4),
        Work(
            "channels",
            "2,000 channels × 1 subscriber, 20,000 msg/s",
            2000,
            2000,
            20000,
        ),
        Work("5000", "5,000 subscribers, 20 msg/s", 5000, 1, 20),
        Work("idle", "10,000 idle subscribers", 10000, 10),
    )
}

QUICK = ("300", "1000")
ALL = tuple(name for name in WORKS if name != "smoke")
