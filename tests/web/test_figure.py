"""What several processes have counted, added up: sums where things are counted, and the worst of what is no number of things."""

from web.figure import HIGHEST, LOWEST, Family, Sample, add, lasting, render


def counter(value, *labels):
    return Family("dibs_messages", "Messages.", "counter", [Sample("dibs_messages_total", labels, value)])


def gauge(name, value):
    return Family(name, "Something.", "gauge", [Sample(name, (), value)])


def test_each_label_is_added_for_itself_and_what_one_does_not_have_is_the_others():
    user, store = ("side", "user"), ("side", "store")
    [family] = add([[counter(2, user)], [counter(3, user)], [counter(7, store)]])
    assert {sample.labels: sample.value for sample in family.samples} == {(user,): 5, (store,): 7}


def test_of_peaks_and_shares_the_highest_is_told_and_what_one_cannot_reach_is_out_of_reach():
    for name in HIGHEST:
        assert add([[gauge(name, 3)], [gauge(name, 1)]])[0].samples[0].value == 3
    for name in LOWEST:
        assert add([[gauge(name, 0)], [gauge(name, 1)]])[0].samples[0].value == 0
    assert add([[gauge("dibs_sessions", 3)], [gauge("dibs_sessions", 1)]])[0].samples[0].value == 4


def test_of_those_who_are_gone_only_counters_and_histograms_stay():
    histogram = Family("dibs_batch_size", "Appends.", "histogram", [Sample("dibs_batch_size_count", (), 1)])
    assert lasting([counter(2), gauge("dibs_sessions", 3), histogram]) == [counter(2), histogram]


def test_the_text_has_the_sum_without_the_label_and_each_worker_with_it():
    text = render([counter(5)], {"1": [counter(2)], "2": [counter(3)]}).decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["dibs_messages_total 5.0", 'dibs_messages_total{worker="1"} 2.0', 'dibs_messages_total{worker="2"} 3.0']
    assert text.count("# TYPE dibs_messages_total counter") == 1
