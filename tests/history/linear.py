"""The judge: every linear rule over a history, in the time of a few passes.

    violations = check(recorder.history)
    assert not violations, report(violations)

The rules are in `ownership` (P1, P2, P7, P12), `answer` (P4, P9, P11), `delivery` (P3, P5, P8) and `holding` (P5, P6, P10). Each takes
an `Account` and yields a sentence for each breach. They are sound, and complete for what numbers show; where outcomes are unknown and
nothing was written down of them, `tests.history.search` searches.
"""

from collections.abc import Callable, Iterable, Iterator

from tests.history import answer, delivery, holding, ownership
from tests.history.account import Account, Violation
from tests.history.record import History

Rule = Callable[[Account], Iterator[Violation]]

RULES: tuple[Rule, ...] = (
    ownership.epochs_rise,
    ownership.changes_follow_the_rule,
    ownership.a_message_opens_its_chat,
    ownership.an_epoch_that_a_command_carries_holds,
    ownership.agents_write_only_what_they_own,
    ownership.one_owner_in_an_epoch,
    ownership.epochs_keep_to_real_time,
    ownership.a_change_is_answered_with_its_own_epoch,
    ownership.loads_stay_within_the_limit,
    ownership.nobody_who_is_there_is_taken_for_gone,
    ownership.nobody_is_gone_before_the_grace_is_over,
    answer.every_command_has_one_answer,
    answer.a_wait_that_was_told_is_long_enough,
    answer.answers_come_in_time,
    answer.the_same_id_has_the_same_answer,
    answer.each_command_takes_effect_at_most_once,
    answer.what_was_acknowledged_is_kept,
    answer.what_was_refused_left_nothing,
    answer.nothing_is_kept_that_nobody_said,
    answer.what_one_sender_says_keeps_its_order,
    answer.what_follows_a_send_that_failed_fails_too,
    delivery.storage_has_no_gap,
    delivery.everybody_is_told_what_is_kept,
    delivery.sessions_get_everything_in_order,
    delivery.statuses_rise_in_each_session,
    delivery.every_agent_is_offered_every_waiting_chat,
    holding.unread_is_arithmetic,
    holding.marks_only_rise_and_only_by_asking,
    holding.at_rest_everybody_holds_what_is_kept,
    holding.nothing_crosses,
)


def check(history: History, rules: Iterable[Rule] = RULES) -> list[Violation]:
    """Every breach of every rule, those of one rule together."""
    return judged(Account(history), rules)


def judged(account: Account, rules: Iterable[Rule] = RULES) -> list[Violation]:
    """The same, of a history that was put in order already."""
    return [violation for rule in rules for violation in rule(account)]


def report(violations: list[Violation], limit: int = 20) -> str:
    """For an assertion: the first breaches, one in a line."""
    more = [f"... and {len(violations) - limit} more"] if len(violations) > limit else []
    return "\n".join(["the history breaks its rules:", *map(str, violations[:limit]), *more])
