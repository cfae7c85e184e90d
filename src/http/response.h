/*
 * An answer as a handler makes it. The handler fills one that is zeroed but
 * for its arena; the pipeline compresses, adds what belongs to every answer,
 * and sends it.
 */
#ifndef TB_HTTP_RESPONSE_H
#define TB_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/request.h"

/* A body that several answers share (a cached page); counted, immutable. */
struct tb_blob;
struct tb_source;
struct tb_later;
struct tb_takeover;
/* Takes over the buffer's memory. NULL: no memory, the buffer untouched. */
struct tb_blob *tb_blob_create(struct tb_buf *buf);
/* The same, and copies it where much of it is room, for what is kept. NOMEM:
 * the buffer is as it was. */
enum tb_err tb_blob_create_exact(struct tb_buf *buf,
				 struct tb_blob **ret) tb_must_check;
struct tb_blob *tb_blob_ref(struct tb_blob *blob);
void tb_blob_unref(struct tb_blob *blob); /* takes NULL */
struct tb_str tb_blob_str(const struct tb_blob *blob);

#define TB_RESPONSE_HEADERS_MAX 24

struct tb_response {
	unsigned status; /* 0: the handler set none and no `later`: a bug */
	struct tb_arena *arena;
	struct tb_header headers[TB_RESPONSE_HEADERS_MAX];
	size_t n_headers;
	const char *content_type; /* static; NULL: no body */
	struct tb_buf body;       /* owned; freed by the pipeline */
	struct tb_blob *blob;     /* instead of body: a reference */
	struct tb_source *source; /* instead of both: owned; http/source.h */
	uint64_t source_bytes;    /* of its body, or TB_LENGTH_UNKNOWN */
	bool encoded;             /* the body is gzip already */
	struct tb_later *later;   /* instead of a status: owned; http/later.h */
	struct tb_takeover *takeover; /* behind it: owned; http/later.h */
	/* What the log line and the audit trail say of it. */
	const char *error_code;           /* static, or NULL */
	const struct tb_principal *login; /* a reference; NULL: nobody */
	bool is_audited; /* the request wrote a row of its own, whatever the
			  * answer says */
};

/* Adds a header; name static or in the arena, value copied to the arena.
 * NOMEM also when there are too many. Values with control characters are a
 * bug. */
enum tb_err tb_response_header(struct tb_response *res, const char *name,
			       struct tb_str value) tb_must_check;
/* Takes over a buffer as the body. */
void tb_response_body(struct tb_response *res, unsigned status,
		      const char *content_type, struct tb_buf *buf);
/* The same of a text that was written; if its buffer has an error, that is
 * answered instead. Takes over the buffer either way. */
void tb_response_written(struct tb_response *res, const struct tb_request *req,
			 unsigned status, const char *content_type,
			 struct tb_buf *buf);
/* Takes over a reference to a blob as the body. */
void tb_response_blob(struct tb_response *res, unsigned status,
		      const char *content_type, struct tb_blob *blob,
		      bool is_gzip);
/* An answer without a body. */
void tb_response_empty(struct tb_response *res, unsigned status);
/* Says whom the answer that was made gives a token, so that logins are on the
 * audit trail; takes a reference of its own. Another answer ends it. */
void tb_response_login(struct tb_response *res,
		       const struct tb_principal *principal);

/* An error in the shape of the request's API: its put_error writes the body.
 * `code` is static ("site_incorrect_password", or NULL for the status's own),
 * `message` is copied. Replaces a body that was there. */
void tb_response_error(struct tb_response *res, const struct tb_request *req,
		       unsigned status, const char *code,
		       struct tb_str message);
/* What a kernel error means to a client: status, code and text from one
 * table; 503 carries Retry-After. Headers that were there go: they spoke of
 * the answer that failed. */
void tb_response_fail(struct tb_response *res, const struct tb_request *req,
		      enum tb_err err);
/* True if the client takes gzip (RFC 9110, 12.5.3). */
bool tb_request_accepts_gzip(const struct tb_request *req);

/* Shorter bodies are not worth compressing: a packet is a packet. */
#define TB_COMPRESS_MIN_BYTES 1024

#define TB_JSON_TYPE "application/json"
#define TB_JSON_UTF8_TYPE "application/json; charset=utf-8"

#endif
