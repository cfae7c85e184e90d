#include "hub/handshake.h"

#include "base/assert.h"
#include "codec/digest.h"

#define KEY_LEN 24
#define KEY_BYTES 16
/* "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" (RFC 6455, section 1.3). */
#define GUID TB_STR("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
#define GUID_LEN 36

/* True if one of the list's tokens is this one. */
static bool has_token(struct tb_str list, struct tb_str token)
{
	while (list.p != NULL) {
		struct tb_str item = tb_str_trim(tb_str_cut(&list, ','));
		if (tb_str_eq_nocase(item, token))
			return true;
	}
	return false;
}

bool tb_handshake_is_upgrade(const struct tb_handshake *handshake)
{
	return has_token(handshake->upgrade, TB_STR("websocket")) &&
	       has_token(handshake->connection, TB_STR("upgrade"));
}

static bool is_key(struct tb_str key)
{
	char bytes[KEY_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, bytes, sizeof(bytes));
	return key.n == KEY_LEN && tb_base64_parse(key, &buf) == TB_OK &&
	       buf.n == KEY_BYTES;
}

enum tb_err tb_handshake_check(const struct tb_handshake *handshake)
{
	if (!tb_str_eq(handshake->version, TB_WEBSOCKET_VERSION))
		return TB_ERR_UNSUPPORTED;
	return is_key(handshake->key) ? TB_OK : TB_ERR_INVALID;
}

void tb_handshake_accept(struct tb_str key, char ret[TB_HANDSHAKE_ACCEPT_LEN])
{
	uint8_t digest[TB_SHA1_BYTES];
	char text[KEY_LEN + GUID_LEN];
	struct tb_buf buf;

	TB_ASSERT(key.n == KEY_LEN);
	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_buf_append_str(&buf, key);
	tb_buf_append_str(&buf, GUID);
	tb_sha1(tb_buf_str(&buf), digest);
	tb_buf_init_fixed(&buf, ret, TB_HANDSHAKE_ACCEPT_LEN);
	tb_base64_put(&buf, tb_str((const char *)digest, sizeof(digest)));
	TB_ASSERT(buf.n == TB_HANDSHAKE_ACCEPT_LEN);
}
