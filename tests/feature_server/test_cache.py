from feature_server.cache import FeatureCache, cache_key


def test_a_new_model_version_has_keys_of_its_own():
    assert cache_key(1, 7) != cache_key(2, 7)


def test_the_first_write_wins():
    cache = FeatureCache()
    assert cache.set_if_absent("a", b"first")
    assert not cache.set_if_absent("a", b"second")
    assert cache.get("a") == b"first"


def test_the_least_recently_used_entry_leaves_first():
    cache = FeatureCache(max_entries=2)
    cache.set_if_absent("a", b"1")
    cache.set_if_absent("b", b"2")
    cache.get("a")
    cache.set_if_absent("c", b"3")
    assert [cache.get(key) for key in "abc"] == [b"1", None, b"3"]


def test_a_corrupt_entry_is_a_miss_that_no_write_repairs():
    cache = FeatureCache()
    cache.set_if_absent("a", b"1")
    cache.poison(True)
    assert cache.get("a") is None
    assert not cache.set_if_absent("a", b"1")
    assert cache.get("a") is None


def test_the_bad_writer_spoils_new_entries_too():
    cache = FeatureCache()
    cache.poison(True)
    assert cache.set_if_absent("a", b"")
    assert cache.get("a") is None


def test_stopping_the_bad_writer_fixes_nothing():
    cache = FeatureCache()
    cache.set_if_absent("a", b"1")
    cache.poison(True)
    cache.poison(False)
    assert cache.get("a") is None
    assert cache.set_if_absent("b", b"2")
    assert cache.get("b") == b"2"


def test_clearing_ends_the_poisoning():
    cache = FeatureCache()
    cache.set_if_absent("a", b"1")
    cache.poison(True)
    assert cache.clear() == 1
    assert not cache.poisoned
    assert cache.set_if_absent("a", b"1")
    assert cache.get("a") == b"1"
