/*
 * Socket.IO packets: what is decoded and written again is decoded to the same
 * meaning, and is from then on written the same; what is refused has a reason.
 * The same text, with as many bytes behind it as it announces, makes a whole
 * packet.
 */
#include "fuzz.h"

#include "realtime/sio_decoder.h"

#define ARENA_MAX ((size_t)16 << 20)
#define TEXT_MAX ((size_t)1 << 20)

static const struct tb_sio_limits limits = {
	.nsp_max_bytes = 64,
	.attachments_max = 8,
	.attachments_max_bytes = 64,
};

static void check(const struct tb_sio_packet *packet)
{
	TB_ASSERT(packet->kind < TB_SIO_KINDS);
	TB_ASSERT(packet->nsp.n > 0 && packet->nsp.p[0] == '/');
	TB_ASSERT(packet->nsp.n <= limits.nsp_max_bytes);
	TB_ASSERT(packet->n_attachments <= limits.attachments_max);
	TB_ASSERT(packet->kind != TB_SIO_ACK || packet->has_id);
	TB_ASSERT(packet->kind != TB_SIO_EVENT ||
		  !tb_sio_name_is_reserved(packet->name));
}

static void check_same(const struct tb_sio_packet *a,
		       const struct tb_sio_packet *b)
{
	TB_ASSERT(a->kind == b->kind);
	TB_ASSERT(a->has_id == b->has_id && a->id == b->id);
	TB_ASSERT(tb_str_eq(a->nsp, b->nsp));
	TB_ASSERT(tb_str_eq(a->data, b->data));
	TB_ASSERT(tb_str_eq(a->name, b->name));
	TB_ASSERT(a->n_attachments == b->n_attachments);
}

static void write_and_read(struct tb_arena *arena,
			   const struct tb_sio_packet *packet)
{
	struct tb_sio_packet again;
	struct tb_buf first;
	struct tb_buf second;
	const char *what;

	tb_buf_init(&first, TEXT_MAX);
	tb_buf_init(&second, TEXT_MAX);
	tb_sio_put(&first, packet);
	TB_ASSERT(tb_sio_decode(arena, tb_buf_str(&first), &limits, &again,
				&what) == TB_OK);
	check_same(packet, &again);
	tb_sio_put(&second, &again);
	TB_ASSERT(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
	tb_buf_fini(&first);
	tb_buf_fini(&second);
}

static void collect(struct tb_str text, const struct tb_sio_packet *expected)
{
	struct tb_sio_decoder *decoder =
		tb_sio_decoder_create(&limits, ARENA_MAX);
	const struct tb_sio_packet *packet;
	const char *what;

	TB_ASSERT(tb_sio_decoder_feed(decoder, text, false, &packet, &what) ==
		  TB_OK);
	for (size_t i = 0; i < expected->n_attachments; i++) {
		TB_ASSERT(packet == NULL);
		TB_ASSERT(tb_sio_decoder_feed(decoder, TB_STR("bytes"), true,
					      &packet, &what) == TB_OK);
	}
	TB_ASSERT(packet != NULL);
	check_same(expected, packet);
	tb_sio_decoder_destroy(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_str text = fuzz_input(data, n);
	struct tb_sio_packet packet;
	const char *what = NULL;

	if (tb_sio_decode(arena, text, &limits, &packet, &what) == TB_OK) {
		check(&packet);
		write_and_read(arena, &packet);
		collect(text, &packet);
	} else {
		TB_ASSERT(what != NULL);
	}
	tb_arena_destroy(arena);
	return 0;
}
