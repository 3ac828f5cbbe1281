"""benchmarks.harness.packet_bomb: a small file that really has so many packets."""

import io

import av

from benchmarks.harness.packet_bomb import HEIGHT, WIDTH, packet_bomb


def test_a_byte_is_a_packet() -> None:
    content = packet_bomb(5000)
    assert len(content) < 6000
    with av.open(io.BytesIO(content), format="mov") as opened:
        (video,) = opened.streams.video
        assert (video.codec_context.width, video.codec_context.height) == (WIDTH, HEIGHT)
        packets = [packet for packet in opened.demux(video) if packet.size]
    assert len(packets) == 5000
    assert {packet.size for packet in packets} == {1}
