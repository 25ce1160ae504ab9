"""The pool of cells that wait: as many as were asked for lately, never more than may, none that has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from cellblock.errors import SandboxError
from cellblock.model import Limits
from cellblock.sandbox import pool as pool_module
from cellblock.sandbox.pool import Pool
from cellblock.sandbox.shapes import CellShape, How, Warm

LIMITS = Limits(**dict.fromkeys((field.name for field in msgspec.structs.fields(Limits)), 1))


def shape(root: str = "host", how: How | None = None) -> CellShape:
    warm = Warm(how=how, argv=("/runtime",), environment=(), gate="/box/main") if how else None
    return CellShape(root=root, limits=LIMITS, makes_out=False, loopback=False, warm=warm)


ON_THE_CLOCK = pytest.mark.usefixtures("clock")


class Prepared:
    def __init__(self, of: CellShape) -> None:
        self.shape = of
        self.is_usable = True
        self.is_too_old = False
        self.memory_bytes = 0
        self.closed = 0

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


class Maker:
    """Makes cells at once, and remembers them."""

    def __init__(self) -> None:
        self.made: list[Prepared] = []
        self.fails: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.tries = 0
        self.passes: Callable[[], None] = lambda: None
        """What time does meanwhile."""

    async def __call__(self, of: CellShape) -> Any:
        self.tries += 1
        self.passes()
        await asyncio.sleep(0)
        if self.hold:
            await self.hold.wait()
        if self.fails:
            raise self.fails
        self.made.append(Prepared(of))
        return self.made[-1]

    @property
    def open(self) -> int:
        return sum(not one.closed for one in self.made)


@pytest.fixture
def clock(monkeypatch) -> Iterator[SimpleNamespace]:
    """A clock that the test sets, and a host with memory enough."""
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(pool_module.time, "monotonic", lambda: now.s)
    monkeypatch.setattr(pool_module, "_memory_is_short", lambda: False)
    return now


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def wake(pool: Pool) -> None:
    """Have the pool look again, as it does every second."""
    pool._wake.set()
    await settle()


def with_pool(
    test: Callable[[Pool, Maker], Coroutine[Any, Any, None]], cells_max: int = 8, fixed: int = 0
) -> None:
    """Run a test on a pool; afterwards it closes, and nothing that it made is left."""

    async def run() -> None:
        maker = Maker()
        pool = Pool(maker, cells_max, fixed)
        taken: list[Any] = []
        take = pool.take
        pool.take = lambda of: (taken.append(one) if (one := take(of)) else None) or one  # type: ignore[method-assign]
        try:
            await test(pool, maker)
        finally:
            await asyncio.wait_for(pool.close(), 10)
        assert pool.waiting == 0
        assert [one.closed for one in maker.made if one not in taken] == [1] * (len(maker.made) - len(taken))
        assert not any(one.closed for one in taken), "what was taken is the taker's to close"

    asyncio.run(run())


@ON_THE_CLOCK
def test_first_finds_nothing_and_the_next_a_cell_of_its_shape():
    async def test(pool, _maker):
        assert pool.take(shape()) is None
        await settle()
        assert pool.take(shape("other")) is None
        await settle()
        assert pool.take(shape("third")) is None
        assert pool.take(shape()).shape == shape()
        assert pool.take(shape()) is None

    with_pool(test)


@ON_THE_CLOCK
def test_never_more_wait_than_may():
    async def test(pool, maker):
        for number in range(20):
            pool.take(shape(str(number)))
            await settle()
            assert pool.waiting <= 3
        assert pool.waiting == 3
        await pool.make_ahead(shape())
        await settle()
        assert pool.waiting == maker.open == 3
        assert pool.take(shape()) is not None, "what was asked for last has its place"

    with_pool(test, cells_max=3)


def test_more_wait_where_more_are_asked_for_and_fewer_when_that_ends(clock):
    async def test(pool, maker):
        maker.passes = lambda: setattr(clock, "s", clock.s + 0.02)
        for _ in range(200):
            clock.s += 0.02  # 50/s, each of which takes 20 ms to make: two are in the making at any time
            pool.take(shape())
        await settle()
        assert pool.waiting > 2
        clock.s += 5
        pool.take(shape())
        await wake(pool)
        assert pool.waiting == 1
        assert maker.open == 2  # that one, and the one that was taken

    with_pool(test)


def test_what_nobody_asks_for_any_more_is_let_go(clock):
    async def test(pool, maker):
        pool.take(shape())
        await settle()
        assert pool.waiting == 1
        clock.s += pool_module._FORGET_S + 1
        await wake(pool)
        assert (pool.waiting, maker.open) == (0, 0)

    with_pool(test)


def test_runtime_is_booted_ahead_only_for_what_was_asked_for_before(clock):
    async def test(pool, maker):
        for name in ("one class", "another", "a third"):
            assert pool.take(shape(name, How.BOOT)) is None
            await settle()
        assert maker.tries == 0
        clock.s += 5
        pool.take(shape("another", How.BOOT))
        await settle()
        assert [one.shape.root for one in maker.made] == ["another"]
        clock.s += pool_module._FORGET_S + 1
        pool.take(shape("another", How.BOOT))
        await settle()
        assert maker.tries == 1  # that was long ago, so it counts as the first
        await pool.make_ahead(shape("a test's", How.BOOT))
        await wake(pool)
        assert (maker.tries, pool.waiting) == (2, 1)

    with_pool(test)


@ON_THE_CLOCK
def test_what_waits_holds_no_more_than_its_share_of_the_memory_and_one_cell(monkeypatch):
    machine = {"SC_PHYS_PAGES": 8 * 100, "SC_PAGE_SIZE": 1}
    monkeypatch.setattr(pool_module.os, "sysconf", machine.get)

    async def test(pool, maker):
        for root, size in (("small", 30), ("large", 69), ("larger", 80), ("next", 20)):
            pool.take(shape(root))
            await settle()
            maker.made[-1].memory_bytes = size
        # 99 leave room, 179 do not: the oldest goes, though many more cells may wait.
        assert [one.shape.root for one in maker.made if not one.closed] == ["large", "larger", "next"]

    with_pool(test)


@ON_THE_CLOCK
def test_as_many_wait_as_the_operator_says():
    async def test(pool, _maker):
        pool.take(shape())
        await settle()
        assert pool.waiting == 4

    with_pool(test, fixed=4)


@ON_THE_CLOCK
def test_cell_that_ended_while_it_waited_is_never_handed_out():
    async def test(pool, maker):
        pool.take(shape())
        await settle()
        maker.made[0].is_usable = False
        assert pool.take(shape()) is None
        await settle()
        assert maker.made[0].closed == 1

    with_pool(test)


@ON_THE_CLOCK
def test_cell_that_may_wait_no_longer_is_let_go_and_another_made():
    async def test(pool, maker):
        pool.take(shape())
        await settle()
        maker.made[0].is_too_old = True
        await wake(pool)
        assert (maker.made[0].closed, pool.waiting) == (1, 1)
        assert pool.take(shape()) is maker.made[1]

    with_pool(test)


@pytest.mark.parametrize(
    "error", [SandboxError("exec", 2, "no"), OSError(24, "no more descriptors")], ids=repr
)
def test_cell_that_cannot_be_made_is_tried_again_later_and_not_without_end(clock, error):
    async def test(pool, maker):
        maker.fails = error
        pool.take(shape())
        for _ in range(5):
            await wake(pool)
        assert (pool.waiting, maker.tries) == (0, 1)
        maker.fails = None
        clock.s += pool_module._RETRY_S + 1
        await wake(pool)
        assert pool.waiting == 1

    with_pool(test)


@ON_THE_CLOCK
def test_memory_that_is_short_empties_the_pool_and_lets_nothing_be_made(monkeypatch):
    async def test(pool, maker):
        pool.take(shape())
        await settle()
        monkeypatch.setattr(pool_module, "_memory_is_short", lambda: True)
        await wake(pool)
        assert (pool.waiting, maker.open, maker.tries) == (0, 0, 1)

    with_pool(test)


def test_memory_pressure_is_what_the_kernel_says(tmp_path, monkeypatch):
    told = tmp_path / "memory"
    monkeypatch.setattr(pool_module, "_PRESSURE", str(told))
    assert not pool_module._memory_is_short()
    for share, short in (("0.00", False), ("9.99", False), ("10.01", True), ("100.00", True)):
        told.write_text(f"some avg10={share} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00\n")
        assert pool_module._memory_is_short() is short
    told.write_text("")
    assert not pool_module._memory_is_short()


@ON_THE_CLOCK
def test_what_was_being_made_when_the_pool_was_dropped_is_not_kept():
    async def test(pool, maker):
        maker.hold = asyncio.Event()
        pool.take(shape())
        await settle()
        pool.drop()
        maker.hold.set()
        await settle()
        assert (pool.waiting, maker.open, maker.tries) == (0, 0, 1)

    with_pool(test)


def test_pool_goes_on_when_it_was_dropped_while_it_left_a_run_alone(monkeypatch):
    monkeypatch.setattr(pool_module, "_memory_is_short", lambda: False)
    monkeypatch.setattr(pool_module, "_HELD_BACK_S", 0.002)

    async def test(pool, maker):
        with pool.run():
            pool.take(shape())
            await asyncio.sleep(0)
            pool.drop()
            await asyncio.sleep(0.01)
        assert (pool.waiting, maker.tries) == (0, 0)
        pool.take(shape())
        await settle()
        assert (pool.waiting, maker.open) == (1, 1)

    with_pool(test)


@ON_THE_CLOCK
def test_pool_goes_on_after_whatever_has_ended_its_making():
    async def test(pool, maker):
        maker.fails = RuntimeError("not foreseen")
        pool.take(shape())
        await settle()
        maker.fails = None
        pool.take(shape())
        await settle()
        assert pool.waiting > 0

    with_pool(test)


@ON_THE_CLOCK
def test_pool_closes_while_it_makes_and_when_it_was_just_asked():
    async def making(pool, maker):
        maker.hold = asyncio.Event()
        pool.take(shape())
        await settle()

    async def asked(pool, _maker):
        pool.take(shape())
        await settle()
        pool.take(shape())

    with_pool(making)
    with_pool(asked)


@ON_THE_CLOCK
def test_shapes_of_long_ago_are_forgotten():
    async def test(pool, _maker):
        for number in range(100):
            pool.take(shape(str(number)))
        await settle()
        assert len(pool._demands) == pool_module._SHAPES_MAX

    with_pool(test)


@ON_THE_CLOCK
def test_cell_for_the_next_is_made_when_the_only_run_has_ended():
    async def test(pool, maker):
        with pool.run():
            pool.take(shape())
            await settle()
            assert maker.tries == 0
        await settle()
        assert maker.tries == 1

    with_pool(test)


@ON_THE_CLOCK
def test_no_cell_waits_for_the_end_of_one_of_several_runs():
    async def test(pool, maker):
        with pool.run(), pool.run():
            pool.take(shape())
            await settle()
            assert maker.tries == 1

    with_pool(test)


def test_no_cell_waits_for_the_end_of_a_run_that_takes_long(monkeypatch):
    monkeypatch.setattr(pool_module, "_memory_is_short", lambda: False)
    monkeypatch.setattr(pool_module, "_HELD_BACK_S", 0.001)

    async def test(pool, maker):
        with pool.run():
            pool.take(shape())
            await asyncio.sleep(0.05)
            assert maker.tries == 1

    with_pool(test)
