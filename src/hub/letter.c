#include "hub/letter.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "realtime/sio_packet.h"

#define TEXT_MAX ((size_t)64 << 20)

void tb_letter_destroy(struct tb_letter *letter)
{
	if (letter == NULL)
		return;
	for (size_t i = 0; i < letter->n; i++)
		tb_eio_message_unref(letter->messages[i]);
	tb_free(letter);
}

/* Without its messages, which `n` says how many there will be. */
static struct tb_letter *create_empty(struct tb_str nsp, size_t n)
{
	struct tb_letter *letter;
	char *text;

	letter = tb_malloc(sizeof(*letter) +
			   n * sizeof(struct tb_eio_message *) + nsp.n);
	if (letter == NULL)
		return NULL;
	text = (char *)&letter->messages[n];
	if (nsp.n > 0)
		memcpy(text, nsp.p, nsp.n);
	*letter = (struct tb_letter) { .nsp = tb_str(text, nsp.n) };
	return letter;
}

static enum tb_err add(struct tb_letter *letter, struct tb_str data,
		       bool is_binary)
{
	const struct tb_eio_packet packet = { TB_EIO_MESSAGE, is_binary, data };
	struct tb_eio_message *message;

	if (!tb_eio_packet_is_sendable(&packet))
		return TB_ERR_INVALID;
	message = tb_eio_message_create(&packet);
	if (message == NULL)
		return TB_ERR_NOMEM;
	letter->messages[letter->n++] = message;
	return TB_OK;
}

static enum tb_err fill(struct tb_letter *letter, struct tb_str text,
			const struct tb_emission *emission)
{
	enum tb_err err = add(letter, text, false);

	for (size_t i = 0; i < emission->n_attachments && err == TB_OK; i++)
		err = add(letter, emission->attachments[i], true);
	return err;
}

/* From a packet's text, which is given up. */
static enum tb_err make(struct tb_buf *text, const struct tb_emission *emission,
			struct tb_letter **ret)
{
	struct tb_letter *letter = NULL;
	enum tb_err err = tb_buf_err(text);

	if (err == TB_OK) {
		letter = create_empty(emission->nsp,
				      1 + emission->n_attachments);
		err = letter != NULL ? fill(letter, tb_buf_str(text), emission)
				     : TB_ERR_NOMEM;
	}
	tb_buf_fini(text);
	if (err == TB_OK)
		*ret = letter;
	else
		tb_letter_destroy(letter);
	return err;
}

enum tb_err tb_letter_create_event(const struct tb_emission *emission,
				   struct tb_letter **ret)
{
	const struct tb_sio_packet head = {
		.kind = TB_SIO_EVENT,
		.nsp = emission->nsp,
		.n_attachments = emission->n_attachments,
	};
	struct tb_buf text;

	TB_ASSERT(!tb_sio_name_is_reserved(emission->name));
	tb_buf_init(&text, TEXT_MAX);
	tb_sio_put(&text, &head);
	tb_sio_put_event_data(&text, emission->name, emission->args,
			      emission->n_args);
	return make(&text, emission, ret);
}

enum tb_err tb_letter_create_ack(const struct tb_emission *emission,
				 uint64_t id, struct tb_letter **ret)
{
	const struct tb_sio_packet head = {
		.kind = TB_SIO_ACK,
		.nsp = emission->nsp,
		.has_id = true,
		.id = id,
		.n_attachments = emission->n_attachments,
	};
	struct tb_buf text;

	tb_buf_init(&text, TEXT_MAX);
	tb_sio_put(&text, &head);
	tb_sio_put_ack_data(&text, emission->args, emission->n_args);
	return make(&text, emission, ret);
}

enum tb_err tb_letter_create(struct tb_str message, bool is_binary,
			     struct tb_letter **ret)
{
	struct tb_letter *letter = create_empty(TB_STR_NONE, 1);
	enum tb_err err = TB_ERR_NOMEM;

	if (letter != NULL)
		err = add(letter, message, is_binary);
	if (err == TB_OK)
		*ret = letter;
	else
		tb_letter_destroy(letter);
	return err;
}
