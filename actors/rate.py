"""A token bucket: so many a second, with bursts of ten seconds' worth."""

BURST_S = 10.0


class Bucket:
    """`rate` a second; 0 for no limit. Times in monotonic seconds."""

    __slots__ = ("_burst", "_left", "_rate", "at_s")

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._burst = max(1.0, rate * BURST_S)
        self._left = self._burst
        self.at_s = now_s

    def take(self, now_s: float) -> float:
        """Takes one; 0.0 if there was one, else the seconds until there will be."""
        if not self._rate:
            return 0.0
        self._left = min(self._burst, self._left + (now_s - self.at_s) * self._rate)
        self.at_s = now_s
        if self._left >= 1.0 - 1e-9:
            self._left = max(0.0, self._left - 1.0)
            return 0.0
        return (1.0 - self._left) / self._rate

    def owe(self, now_s: float, cost: float) -> float:
        """Takes what has happened already, into debt if need be; the seconds until the debt is paid."""
        if not self._rate:
            return 0.0
        self._left = min(self._burst, self._left + (now_s - self.at_s) * self._rate) - cost
        self.at_s = now_s
        return max(0.0, -self._left / self._rate)
