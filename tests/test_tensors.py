"""Array frames: what goes in comes out, and hostile bytes raise FrameError and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model import Array, Invocation, Items, Opaque
from grader.tensors import DTYPES, FrameError, decode_array, decode_tree, encode, encode_calls, split

ANY_ARRAY = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(DTYPES[name], hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from([*DTYPES, "dtype", "object"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "tuple", "list", "opaque", "x"]), inner, max_size=3)
        | st.fixed_dictionaries({"dtype": inner, "shape": inner})
    ),
    max_leaves=12,
)


def describe(array: Array) -> dict[str, object]:
    return {"dtype": array.dtype.name, "shape": list(array.shape)}


@given(ANY_ARRAY)
def test_an_array_comes_back_as_it_was(array: Array) -> None:
    back = decode_array(describe(array), array.tobytes())
    assert type(back) is np.ndarray
    assert back.flags.owndata
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_a_tree_takes_its_arrays_in_order() -> None:
    a, b = np.arange(3.0), np.array([[True], [False]])
    tree = decode_tree({"tuple": [describe(a), {"list": [describe(b), {"opaque": "a dict"}]}]}, a.tobytes() + b.tobytes())
    assert isinstance(tree, Items)
    assert tree.kind == "tuple"
    first, second = tree.items
    assert isinstance(first, np.ndarray)
    assert np.array_equal(first, a)
    assert isinstance(second, Items)
    assert isinstance(second.items[0], np.ndarray)
    assert np.array_equal(second.items[0], b)
    assert second.items[1] == Opaque("a dict")


def test_a_bool_is_made_of_zeros_and_ones_whatever_was_sent() -> None:
    assert decode_array({"dtype": "bool", "shape": [3]}, b"\x00\x02\xff").view(np.uint8).tolist() == [0, 1, 1]


def test_the_same_array_is_sent_once_and_scalars_as_they_are() -> None:
    a = np.ones((2, 3), np.float32)
    calls, blobs = encode_calls([Invocation("f", (a, 2)), Invocation("g", (a, 0.1, True))])
    place = {"at": 0, "dtype": "float32", "shape": (2, 3)}
    assert calls == [["f", [place, {"value": 2}]], ["g", [place, {"value": 0.1}, {"value": True}]]]
    assert blobs == [a.tobytes()]


def test_arguments_in_any_memory_layout_are_sent_in_c_order() -> None:
    a = np.arange(6.0).reshape(2, 3)
    for layout in (np.asfortranarray(a), a.T.copy().T, np.repeat(a, 2, axis=1)[:, ::2], a.astype(">f8")):
        _, blobs = encode_calls([Invocation("f", (layout,))])
        assert blobs == [a.tobytes()]


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.zeros(1, np.longdouble), np.zeros(1, "M8[s]")])
def test_arguments_that_are_no_numbers_are_refused(array: Array) -> None:
    with pytest.raises(FrameError, match="cannot go into the box"):
        encode_calls([Invocation("f", (array,))])


@given(st.dictionaries(st.text(max_size=5), st.integers()), st.lists(st.binary(max_size=20), max_size=3), st.binary(max_size=9))
def test_a_frame_is_taken_off_whole_or_not_at_all(header: dict[str, int], blobs: list[bytes], rest: bytes) -> None:
    frame = encode(header, blobs)
    assert split(frame + rest, 100) == (header, b"".join(blobs), len(frame))
    assert split(frame[:-1], 100) is None


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_splitter(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        split(data, 1000)


@settings(max_examples=200)
@given(st.binary(max_size=40))
def test_no_header_breaks_the_splitter(text: bytes) -> None:
    with contextlib.suppress(FrameError):
        split(len(text).to_bytes(4, "little") + bytes(8) + text, 1000)


@settings(max_examples=300)
@given(JSON, st.binary(max_size=40))
def test_no_description_breaks_the_decoder(description: Any, payload: bytes) -> None:
    for decode in (decode_array, decode_tree):
        with contextlib.suppress(FrameError):
            decode(description, payload)


@pytest.mark.parametrize(
    "description",
    [
        {"dtype": "float64", "shape": [4611686018427387904]},
        {"dtype": "float64", "shape": [1] * 33},
        {"dtype": "float64", "shape": [-1]},
        {"dtype": "float64", "shape": [True]},
        {"dtype": "float64", "shape": [1.0]},
        {"dtype": "float64", "shape": [0, 1 << 62, 1 << 62]},
        {"dtype": "float64", "shape": "1"},
        {"dtype": "float64"},
        {"dtype": "object", "shape": []},
        {"dtype": "<f8", "shape": [1]},
        {"dtype": ["float64"], "shape": [1]},
        {"dtype": "float64", "shape": []},
        {"dtype": "float64", "shape": [2]},
    ],
)
def test_a_wrong_description_is_refused(description: object) -> None:
    with pytest.raises(FrameError):
        decode_array(description, bytes(9))


@pytest.mark.parametrize(
    "description",
    [
        {"tuple": {}},
        {"tuple": [], "list": []},
        {"opaque": "\x1b[31m"},
        {"opaque": "é"},
        {"opaque": "x" * 201},
        {"opaque": 1},
        {"list": [{"list": []}] * 10_001},
        json.loads('{"list": [' * 20 + '{"opaque": "x"}' + "]}" * 20),
        [],
        None,
    ],
)
def test_a_wrong_tree_is_refused(description: object) -> None:
    with pytest.raises(FrameError):
        decode_tree(description, b"")


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b'{"a": ' + b"9" * 10_000 + b"}", b"\xff", b"[]", b"", b'{"a": 1} x'], ids=lambda t: repr(t[:9])
)
def test_a_wrong_header_is_refused(text: bytes) -> None:
    with pytest.raises(FrameError):
        split(len(text).to_bytes(4, "little") + bytes(8) + text, 1000)


@pytest.mark.parametrize("lengths", [b"\xff" * 12, b"\xff\xff\xff\x7f" + bytes(8), bytes(4) + (1001).to_bytes(8, "little")])
def test_announcing_too_much_is_refused_before_it_is_sent(lengths: bytes) -> None:
    with pytest.raises(FrameError):
        split(lengths, 1000)
