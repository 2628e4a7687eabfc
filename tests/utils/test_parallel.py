import os
import threading

import pytest
import torch

from adapter.eg3d.cpu import eligible, plain_kernels
from adapter.utils.parallel import each, even_spans, stream

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def where(_):
    return (
        threading.current_thread().name,
        torch.get_num_threads(),
        torch.is_inference_mode_enabled(),
        eligible(torch.ones(1)),
    )


def test_results_keep_their_order_and_workers_compute_alone(two_threads):
    with torch.no_grad():
        assert each(lambda item: item * 2, range(50)) == list(range(0, 100, 2))
        places = each(where, range(8))
    assert all(name.startswith("eg3d") and threads == 1 for name, threads, *_ in places)
    assert torch.get_num_threads() == 2
    after = []
    other = threading.Thread(target=lambda: after.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert after == [2]


def test_one_thread_and_gradients_stay_where_they_are(two_threads):
    here = threading.current_thread().name
    assert {name for name, *_ in each(where, range(4))} == {here}
    torch.set_num_threads(1)
    with torch.no_grad():
        assert {name for name, *_ in each(where, range(4))} == {here}


@pytest.mark.parametrize("inference", [False, True])
def test_workers_share_the_callers_modes(two_threads, inference):
    with torch.inference_mode(inference), torch.no_grad(), plain_kernels():
        places = each(where, range(4))
    assert {place[2:] for place in places} == {(inference, False)}


def test_work_within_work_and_from_several_threads(two_threads):
    def deep(item):
        return sum(each(lambda part: part + item, range(3)))

    def ask(found):
        with torch.no_grad():
            found.append(each(deep, range(20)))

    found = []
    threads = [threading.Thread(target=ask, args=(found,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [[3 + 3 * item for item in range(20)]] * 4


def test_errors_reach_the_caller(two_threads):
    def fail(item):
        raise ValueError(item)

    with torch.no_grad(), pytest.raises(ValueError, match="0"):
        each(fail, range(2))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_keeps_order_and_leaves_the_callers_gradients_alone(two_threads, threads):
    torch.set_num_threads(threads)
    seen = []
    for item, grad, name in stream(lambda i: (i, torch.is_grad_enabled(), where(i)[0]), range(9), CPU):
        seen.append(item)
        assert not grad
        assert torch.is_grad_enabled()
        assert name.startswith("eg3d") == (threads > 1)
    assert seen == list(range(9))


def test_a_stream_works_ahead_of_its_caller_only_a_little(two_threads):
    begun = []
    results = stream(lambda i: begun.append(i) or i, range(50), CPU)
    assert begun == []
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(begun) < 10
    results.close()


def test_a_streams_errors_reach_the_caller_in_their_place(two_threads):
    results = stream(lambda i: 6 // (3 - i), range(5), CPU)
    assert [next(results) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_starts_threads_of_its_own(two_threads):
    with torch.no_grad():
        each(where, range(4))
        child = os.fork()
        if not child:
            os._exit(0 if each(lambda item: item, range(4)) == [0, 1, 2, 3] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_spans_cover_everything_evenly():
    for count, parts in ((10, 3), (3, 3), (7, 1), (0, 1)):
        cut = even_spans(count, parts)
        assert [item for part in cut for item in range(count)[part]] == list(range(count))
        sizes = [part.stop - part.start for part in cut]
        assert max(sizes) - min(sizes) <= 1
