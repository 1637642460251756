"""A tenth of each attack of a crowd; `make attack` has the full ones."""

import asyncio

from tests.attack import crowd_rows


async def test_strangers_are_bounded_and_sent_away_in_ten_seconds_and_new_users_get_in(tmp_path):
    """Plain and over TLS at once, for both wait out the ten seconds."""
    await asyncio.gather(crowd_rows.strangers(tmp_path, 0.1), crowd_rows.strangers_over_tls(tmp_path, 0.1))


async def test_one_identity_gets_twenty_sessions_then_4100_and_the_twenty_go_on(tmp_path):
    await crowd_rows.one_identity(tmp_path, 0.2)


async def test_a_thousand_commands_a_second_are_held_to_the_rate_of_their_identity_and_told_when_to_come_again(tmp_path):
    await crowd_rows.commands(tmp_path, 0.2)


async def test_sessions_that_came_and_went_leave_nothing_in_memory(tmp_path):
    await crowd_rows.passers_by(tmp_path, 0.06)


async def test_a_crowd_is_served_and_those_who_chat_hardly_notice(tmp_path):
    await crowd_rows.crowd_comes(tmp_path, 0.1)
