"""The cluster's state machine: meeting, failing, electing, moving slots, in simulated time."""

from __future__ import annotations

import pytest

from pyredisai.cluster import elections, manual
from pyredisai.cluster.packets import Type
from pyredisai.cluster.state import BUS_PORT_OFFSET, NodeFlag
from tests.unit.cluster.simulation import TIMEOUT_MS, Machine, Network, cluster, known, roles


def failed(machine: Machine, other: Machine) -> bool:
    return machine.sees(other).has(NodeFlag.FAIL)


def test_nodes_meet_and_tell_each_other_of_third_ones() -> None:
    network = Network()
    machines = [network.add(7001 + number) for number in range(5)]
    for machine in machines[1:]:
        assert machine.bus.start_handshake("127.0.0.1", 7001, 17001)
        assert not machine.bus.start_handshake("127.0.0.1", 7001, 17001)
    network.run(3000)
    for machine in machines:
        assert {node.id for node in known(machine)} == {other.me.id for other in machines}
        assert {node.port for node in known(machine)} == {other.port for other in machines}
        assert machine.me.ip == "127.0.0.1"
        assert len(machine.state.nodes) == 5
        assert all(node.link in machine.bus.links for node in known(machine) if node is not machine.me)


def test_nodes_get_different_epochs() -> None:
    network = Network()
    machines = [network.add(7001 + number) for number in range(4)]
    for machine in machines[1:]:
        machine.bus.start_handshake("127.0.0.1", 7001, 17001)
    network.run(5000)
    assert len({machine.me.config_epoch for machine in machines}) == 4
    assert len({machine.state.current_epoch for machine in machines}) == 1


def test_handshake_with_nobody_is_given_up() -> None:
    network = Network()
    machine = network.add(7001)
    machine.bus.start_handshake("127.0.0.1", 7999, 17999)
    assert len(machine.state.nodes) == 2
    network.run(TIMEOUT_MS + 500)
    assert len(machine.state.nodes) == 1


def test_meeting_a_known_node_again_changes_nothing() -> None:
    network, (one, two, three) = cluster(3)
    before = set(one.state.nodes)
    one.bus.start_handshake("127.0.0.1", two.port, two.port + BUS_PORT_OFFSET)
    network.run(2000)
    assert set(one.state.nodes) == before
    assert three.state.ok


def test_a_node_cannot_meet_itself() -> None:
    network = Network()
    machine = network.add(7001)
    machine.bus.start_handshake("127.0.0.1", 7001, 17001)
    network.run(3000)
    assert set(machine.state.nodes) == {machine.me.id}


def test_slots_are_known_everywhere_and_the_cluster_serves() -> None:
    _, machines = cluster(3)
    for machine in machines:
        assert machine.state.ok
        assert [owner.id for owner in machine.state.owners if owner] == [
            owner.id for owner in machines[0].state.owners if owner
        ]


def test_unanswering_node_fails_by_majority_and_comes_back() -> None:
    network, (one, two, three) = cluster(3)
    network.crash(three)
    network.run_until(lambda: failed(one, three) and failed(two, three))
    network.run_until(lambda: not one.state.ok and not two.state.ok)
    assert one.state.why_down == "fail"
    three = network.restart(three)
    network.run_until(lambda: one.state.ok and two.state.ok and three.state.ok)
    assert not failed(one, three)


def test_without_full_coverage_the_rest_serves() -> None:
    network, (one, two, three) = cluster(3, **{"cluster-require-full-coverage": False})
    network.crash(three)
    network.run_until(lambda: failed(one, three) and failed(two, three))
    network.run(3000)
    assert one.state.ok
    assert two.state.ok


def test_one_voice_is_no_majority() -> None:
    network, (one, two, three) = cluster(3)
    network.cut.add(frozenset((one.port, three.port)))
    network.run_until(lambda: one.sees(three).has(NodeFlag.PFAIL))
    network.run(5000)
    assert not failed(one, three)
    assert not failed(two, three)
    assert two.state.ok
    network.cut.clear()
    network.run_until(lambda: not one.sees(three).has(NodeFlag.PFAIL))


def test_the_minority_stops_serving() -> None:
    network, (one, two, three) = cluster(3)
    network.cut |= {frozenset((one.port, other.port)) for other in (two, three)}
    network.run_until(lambda: not one.state.ok)
    assert one.state.why_down == "minority"
    network.cut.clear()
    network.run_until(lambda: one.state.ok)


def test_replica_takes_the_place_of_its_failed_primary() -> None:
    network, (one, two, three, replica) = cluster(3, 1)
    assert replica.primary == ("127.0.0.1", one.port)
    network.crash(one)
    network.run_until(lambda: replica.me.is_master)
    assert replica.primary is None
    assert len(replica.me.slots) > 5000
    network.run_until(lambda: two.state.ok and three.state.ok and replica.state.ok)
    assert two.state.owners[0] is two.sees(replica)
    assert replica.me.config_epoch == two.state.current_epoch == max(m.me.config_epoch for m in (two, three, replica))
    assert "Failover election won: I'm the new master." in replica.log_lines
    one = network.restart(one)
    network.run_until(lambda: one.me.has(NodeFlag.SLAVE))
    assert one.primary == ("127.0.0.1", replica.port)
    network.run_until(lambda: two.sees(one).master is two.sees(replica))


def test_the_replica_that_is_furthest_wins() -> None:
    network, (one, _, _, behind, ahead) = cluster(3, 2)
    network.run(1000)
    ahead.bus.follow(ahead.sees(one))
    behind.replication_offset, ahead.replication_offset = 100, 200
    network.run(3000)
    network.crash(one)
    network.run_until(lambda: ahead.me.is_master or behind.me.is_master)
    assert ahead.me.is_master
    network.run_until(lambda: behind.me.master is behind.sees(ahead))
    assert behind.primary == ("127.0.0.1", ahead.port)


@pytest.mark.parametrize("why", ["age", "configured"])
def test_replica_that_may_not_does_not(why: str) -> None:
    network, (one, _, _, replica) = cluster(3, 1)
    if why == "age":
        replica.age_ms = 10_000_000
    else:
        replica.config["cluster-replica-no-failover"] = True
    network.crash(one)
    network.run_until(lambda: failed(replica, one))
    network.run(8000)
    assert not replica.me.is_master
    said = [line for line in replica.log_lines if "unable to failover" in line]
    assert bool(said) == (why == "age")


def test_no_failover_without_a_majority() -> None:
    network, (one, two, three, replica) = cluster(3, 1)
    network.crash(one)
    network.crash(two)
    network.run(8000)
    assert not replica.me.is_master
    assert three.state.why_down == "minority"


def test_a_primary_votes_once_an_epoch() -> None:
    network, (one, two, three, replica, other) = cluster(3, 2)
    for machine in (one, two, three):
        machine.sees(other).master = machine.sees(one)
    network.crash(one)
    network.run_until(lambda: failed(two, one))
    request = replica.bus.header(Type.AUTH_REQUEST)
    request.current_epoch = two.state.current_epoch + 1
    two.state.current_epoch += 1
    elections.vote(two.bus, two.sees(replica), request)
    assert two.state.last_vote_epoch == two.state.current_epoch
    elections.vote(two.bus, two.sees(other), request)
    assert any("already voted" in line for line in two.log_lines)
    assert f"lastVoteEpoch {two.state.last_vote_epoch}" in two.nodes_conf


def test_manual_failover_holds_writes_until_the_replica_has_all() -> None:
    network, (one, two, _, replica) = cluster(3, 1)
    one.replication_offset, replica.replication_offset = 500, 400
    manual.start_as_replica(replica.bus, force=False)
    network.run(500)
    assert one.paused
    assert not replica.me.is_master
    replica.replication_offset = 500
    network.run_until(lambda: replica.me.is_master)
    network.run_until(lambda: one.me.has(NodeFlag.SLAVE))
    assert not one.paused
    assert one.primary == ("127.0.0.1", replica.port)
    network.run_until(lambda: two.sees(one).master is two.sees(replica))


def test_manual_failover_is_given_up() -> None:
    network, (one, _, _, replica) = cluster(3, 1)
    one.replication_offset = 500
    manual.start_as_replica(replica.bus, force=False)
    network.run(500)
    assert one.paused
    network.run(6000)
    assert not one.paused
    assert one.me.is_master
    assert not replica.bus.manual.until_ms


def test_forced_failover_needs_no_primary() -> None:
    network, (one, _, _, replica) = cluster(3, 1, **{"cluster-node-timeout": 60_000})
    one.replication_offset = 500
    network.crash(one)
    network.run(1000)
    manual.start_as_replica(replica.bus, force=True)
    network.run_until(lambda: replica.me.is_master, 5000)


def test_orphaned_primary_gets_a_replica() -> None:
    network, (one, two, three, a, b, c) = cluster(3, 3)
    machines = (one, two, three, a, b, c)
    c.bus.follow(c.sees(one))
    network.run_until(lambda: all(len(m.sees(one).replicas) == 2 for m in machines if m is not one))
    assert len(two.me.replicas) == 1
    network.crash(b)  # the only replica of the second
    network.run_until(lambda: two.me.replicas and failed(two, b))
    network.run_until(lambda: len(two.me.replicas) == 2)
    moved = min((a, c), key=lambda machine: machine.me.id)
    assert moved.primary == ("127.0.0.1", two.port)
    assert {node.id for node in two.me.replicas} == {b.me.id, moved.me.id}


def test_slots_follow_the_greater_epoch_and_lost_keys_are_dropped() -> None:
    network, (one, two, three) = cluster(3)
    one.keys = {3: 2, 7: 1}
    two.state.bump_epoch()
    for slot in (3, 5):
        two.state.assign(slot, two.me)
    network.run(2000)
    for machine in (one, two, three):
        assert machine.state.owners[3] is machine.state.nodes[two.me.id]
        assert machine.state.owners[7] is machine.state.nodes[one.me.id]
    assert one.deleted == [3]


def test_a_slot_that_is_imported_stays_as_it_is() -> None:
    network, (one, two, three) = cluster(3)
    three.state.importing[3] = three.sees(one)
    two.state.bump_epoch()
    two.state.assign(3, two.me)
    network.run(2000)
    assert one.state.owners[3] is one.sees(two)
    assert three.state.owners[3] is three.sees(one)


def test_old_claims_are_put_right() -> None:
    network, (one, two, three) = cluster(3)
    two.state.assign(3, two.me)  # at an epoch that is no better: one's own stays
    one.me.config_epoch = one.state.current_epoch = 10
    network.run(3000)
    for machine in (one, two, three):
        assert machine.state.owners[3] is machine.state.nodes[one.me.id]
    assert one.state.sent[Type.UPDATE] + three.state.sent[Type.UPDATE] > 0


def test_who_loses_all_slots_becomes_a_replica() -> None:
    network, (one, two, _) = cluster(3)
    two.state.bump_epoch()
    for slot in tuple(two.sees(one).slots):
        two.state.assign(slot, two.me)
    network.run_until(lambda: one.me.has(NodeFlag.SLAVE))
    assert one.primary == ("127.0.0.1", two.port)


def test_messages_are_published_everywhere_or_in_the_shard() -> None:
    network, (one, two, three, replica) = cluster(3, 1)
    one.bus.publish(b"news", b"hello", sharded=False)
    one.bus.publish(b"shard", b"hi", sharded=True)
    network.turn()
    assert two.published == three.published == [(b"news", b"hello", False)]
    assert replica.published == [(b"news", b"hello", False), (b"shard", b"hi", True)]
    assert one.published == []


def test_forgotten_node_does_not_come_back_by_gossip() -> None:
    network, (one, two, three) = cluster(3, **{"cluster-require-full-coverage": False})
    gone = three.me.id
    network.crash(three)
    for machine in (one, two):
        machine.state.forgotten[gone] = network.now_ms + 60_000
    one.bus.remove(one.sees(three))
    network.run(2000)
    assert gone not in one.state.nodes
    two.bus.remove(two.sees(three))
    network.run(2000)
    assert gone not in one.state.nodes
    assert gone not in two.state.nodes


def test_link_that_takes_too_much_is_closed() -> None:
    network, (one, two, _) = cluster(3, **{"cluster-link-sendbuf-limit": 1000})
    link = one.sees(two).link
    link.send_buffer_used = 2000
    network.run(300)
    assert one.state.overflows == 1
    assert one.sees(two).link is not link


def test_host_name_is_announced() -> None:
    network, (one, two, _) = cluster(3)
    one.config["cluster-announce-hostname"] = "host.example"
    network.run(3000)
    assert two.sees(one).hostname == "host.example"
    one.config["cluster-announce-hostname"] = ""
    network.run(3000)
    assert two.sees(one).hostname == ""


def test_node_that_moves_is_found() -> None:
    network, (one, two, three) = cluster(3)
    network.crash(three)
    three.nodes_conf = three.nodes_conf.replace(f":{three.port}@{three.port + 10000}", ":7100@17100")
    three.port = 7100
    del network.machines[7003]
    three = network.restart(three)
    network.run_until(lambda: one.sees(three).port == 7100 and two.sees(three).port == 7100)
    network.run_until(lambda: one.state.ok and two.state.ok and three.state.ok)


def test_silence_opens_the_link_anew() -> None:
    network, (one, two, _) = cluster(3)
    network.run(2 * TIMEOUT_MS)
    link = one.sees(two).link
    for mute in (link.other, two.sees(one).link):  # nothing comes from the other any more
        mute.send = lambda data: None
    network.run_until(lambda: one.sees(two).link is not link)
    network.run(TIMEOUT_MS)
    assert not roles(one, NodeFlag.PFAIL | NodeFlag.FAIL)


def test_votes_of_one_election_do_not_count_for_the_next() -> None:
    network, (one, two, three, replica) = cluster(3, 1)
    manual.start_as_replica(replica.bus, force=False)
    network.run_until(lambda: replica.me.is_master and replica.sees(one).master is replica.me)
    manual.start_as_replica(one.bus, force=False)
    network.run_until(lambda: one.me.is_master and one.sees(replica).master is one.me)
    network.run(2 * TIMEOUT_MS)
    before = two.state.last_vote_epoch, three.state.last_vote_epoch
    manual.start_as_replica(replica.bus, force=False)
    network.run_until(lambda: replica.me.is_master)
    network.run_until(lambda: two.state.owners[0] is two.sees(replica))
    assert max(two.state.last_vote_epoch, three.state.last_vote_epoch) > max(before)
    assert replica.me.config_epoch > one.me.config_epoch
