from linkd.fetch.bounded import Bounded


def bounded(capacity: int) -> Bounded[str, str]:
    return Bounded(capacity=capacity, weigh=len)


def test_the_longest_unused_goes_first() -> None:
    """What was got again outlives what was not."""
    cache = bounded(4)
    cache.put("a", "aa")
    cache.put("b", "bb")
    cache.get("a")
    cache.put("c", "cc")
    assert [cache.get(key) for key in "abc"] == ["aa", None, "cc"]


def test_a_replaced_entry_weighs_once() -> None:
    """Putting a key again takes the old weight away."""
    cache = bounded(4)
    cache.put("a", "aaa")
    cache.put("a", "a")
    assert (len(cache), cache.weight) == (1, 1)


def test_what_is_too_heavy_is_not_kept() -> None:
    """An entry above the capacity is gone at once."""
    cache = bounded(2)
    cache.put("a", "aaa")
    assert (cache.get("a"), cache.weight) == (None, 0)
