#include "http/source.h"

#include "codec/gzip.h"

#define PACK_LEVEL 1
#define PACKED_MAX_BYTES ((size_t)1 << 30)

enum tb_err tb_piece_take(struct tb_buf *buf, struct tb_piece *ret)
{
	struct tb_blob *blob;

	if (tb_buf_err(buf))
		return tb_buf_err(buf);
	blob = tb_blob_create(buf);
	if (!blob)
		return TB_ERR_NOMEM;
	*ret = (struct tb_piece) { .plain = blob };
	return TB_OK;
}

enum tb_err tb_piece_pack(struct tb_piece *piece)
{
	struct tb_buf buf;
	enum tb_err err;

	if (piece->packed)
		return TB_OK;
	tb_buf_init(&buf, PACKED_MAX_BYTES);
	err = tb_gzip_pack(tb_blob_str(piece->plain), PACK_LEVEL, &buf,
			   &piece->crc);
	if (!err)
		err = tb_blob_create_exact(&buf, &piece->packed);
	tb_buf_fini(&buf);
	return err;
}

void tb_piece_release(struct tb_piece *piece)
{
	tb_blob_unref(piece->plain);
	tb_blob_unref(piece->packed);
	*piece = (struct tb_piece) { .plain = NULL };
}
