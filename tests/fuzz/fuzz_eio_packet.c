/*
 * Engine.IO packets: a payload that is accepted is written again as it was
 * read, byte for byte, and so is a frame; each packet of a payload can be
 * sent on by any transport.
 */
#include "fuzz.h"

#include "codec/digest.h"
#include "realtime/eio_packet.h"

#define ARENA_MAX ((size_t)16 << 20)
#define TEXT_MAX ((size_t)1 << 20)
#define PACKETS_MAX 64

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

static void read_and_write_payload(struct tb_str body)
{
	const struct tb_eio_payload_limits limits = {
		.max_bytes = TEXT_MAX,
		.max_packets = PACKETS_MAX,
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_eio_packet *packets;
	struct tb_buf again;
	size_t n;

	tb_buf_init(&again, TEXT_MAX);
	if (tb_eio_decode_payload(arena, body, &limits, &packets, &n) ==
	    TB_OK) {
		TB_ASSERT(n > 0 && n <= PACKETS_MAX);
		for (size_t i = 0; i < n; i++) {
			TB_ASSERT(tb_eio_packet_is_sendable(&packets[i]));
			tb_eio_put_record(&again, &packets[i]);
		}
		TB_ASSERT(tb_str_eq(tb_buf_str(&again), body));
	}
	tb_buf_fini(&again);
	tb_arena_destroy(arena);
}

static void read_and_write_frame(struct tb_str frame, bool is_binary)
{
	struct tb_eio_packet packet;
	struct tb_buf again;

	if (tb_eio_decode_frame(frame, is_binary, &packet) != TB_OK)
		return;
	TB_ASSERT(packet.is_binary == is_binary);
	if (!tb_eio_packet_is_sendable(&packet))
		return;
	tb_buf_init(&again, TEXT_MAX);
	tb_eio_put_frame(&again, &packet);
	TB_ASSERT(tb_str_eq(tb_buf_str(&again), frame));
	tb_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str input = fuzz_input(data, n);

	read_and_write_payload(input);
	read_and_write_frame(input, false);
	read_and_write_frame(input, true);
	return 0;
}
