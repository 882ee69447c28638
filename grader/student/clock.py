"""A limit of time for work in this very process: when it is up, the work is interrupted as Ctrl-C would.

An interrupt never gets out of `Clock.run` late, when the work is done already: it is raised inside the work or nowhere.
"""

from __future__ import annotations

import signal
import threading
from _thread import interrupt_main
from collections.abc import Callable

AGAIN = 1.0  # seconds; work that swallows an interrupt gets another


class Clock:
    """Rings once the seconds are over. `heard`: there was an interrupt, whoever sent it; `rung`: the time was up."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.heard, self.rung = seconds, False, False
        self._armed, self._over = False, threading.Event()

    def run(self, work: Callable[[], None]) -> None:
        """Do the work for as long as there is time; raises KeyboardInterrupt if somebody else interrupted it."""
        if threading.current_thread() is not threading.main_thread():  # signals are heard in the main thread alone
            work()
            return
        before = signal.signal(signal.SIGINT, self._hear)
        bell = threading.Thread(target=self._ring, daemon=True)
        bell.start()
        try:
            self._armed = True
            work()
        except KeyboardInterrupt:
            self.heard = True
        finally:
            self._armed = False  # a mere store, so no signal is heard between the work and it
            self._over.set()
            bell.join()
            # Python hears what is pending before it changes a handler, so a late ring ends in ours, which is disarmed.
            signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
        if self.heard and not self.rung:
            raise KeyboardInterrupt

    def _hear(self, *_: object) -> None:
        self.heard = True
        if self._armed:
            raise KeyboardInterrupt

    def _ring(self) -> None:
        wait = self.seconds
        while not self._over.wait(wait):
            self.rung, wait = True, AGAIN
            _interrupt()


def _interrupt() -> None:
    """Ctrl-C for the main thread; where there are signals it also ends a sleep, which waits for its end elsewhere."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        interrupt_main()
