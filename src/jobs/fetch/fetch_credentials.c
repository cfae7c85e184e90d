#include "jobs/fetch/fetch_credentials.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "jobs/connectors/failure.h"

#define SECRET_MAX_BYTES 16384
#define LINE_MAX_BYTES (2 * SECRET_MAX_BYTES + 1024)

/* A regular file: a pipe would be waited for, and nobody could stop that. -1:
 * there is none. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	return -1;
}

/* As much of a file as there is room for. False: it cannot be read. */
static bool read_file(const char *path, char *p, size_t max, size_t *ret_n)
{
	int fd = open_file(path);
	ssize_t got = 1;
	size_t n = 0;

	if (fd < 0)
		return false;
	while (got > 0 && n < max) {
		got = read(fd, p + n, max - n);
		if (got > 0)
			n += (size_t)got;
	}
	close(fd);
	*ret_n = n;
	return got >= 0;
}

/* Without what editors leave behind the last line. */
static struct tb_str trim_end(struct tb_str s)
{
	while (s.n > 0 && strchr("\r\n \t", s.p[s.n - 1]) != NULL &&
	       s.p[s.n - 1] != '\0')
		s.n--;
	return s;
}

static enum tb_err refuse(struct tb_arena *arena,
			  struct tb_connector_failure *ret_failure,
			  const char *what, const char *path)
{
	return tb_failure_set(ret_failure, arena, TB_ERR_DENIED, "credentials",
			      false, "%s: %s", path, what);
}

/* Reads one secret into `text`. */
static enum tb_err read_secret(const char *path,
			       char text[SECRET_MAX_BYTES + 1],
			       struct tb_arena *arena, struct tb_str *ret,
			       struct tb_connector_failure *ret_failure)
{
	size_t n;

	if (!read_file(path, text, SECRET_MAX_BYTES + 1, &n))
		return refuse(arena, ret_failure, "cannot be read", path);
	if (n > SECRET_MAX_BYTES)
		return refuse(arena, ret_failure, "is too long", path);
	struct tb_str secret = trim_end(tb_str(text, n));
	if (secret.n == 0)
		return refuse(arena, ret_failure, "is empty", path);
	/* What would end the header's line, or is no text. */
	if (tb_str_has_control(secret))
		return refuse(arena, ret_failure, "holds control characters",
			      path);
	*ret = secret;
	return TB_OK;
}

static enum tb_err add_line(struct tb_buf *line, struct curl_slist **lines)
{
	struct curl_slist *more;

	tb_buf_append_char(line, '\0');
	if (tb_buf_err(line) != TB_OK)
		return tb_buf_err(line);
	more = curl_slist_append(*lines, line->p);
	if (more == NULL)
		return TB_ERR_NOMEM;
	*lines = more;
	return TB_OK;
}

static void put_token(struct tb_buf *line, const struct tb_source *source,
		      struct tb_str token)
{
	if (source->token_header != NULL)
		tb_buf_printf(line, "%s: ", source->token_header);
	else
		tb_buf_append_z(line, "Authorization: Bearer ");
	tb_buf_append_str(line, token);
}

/* HTTP Basic (RFC 7617). */
static void put_basic(struct tb_buf *line, const struct tb_source *source,
		      struct tb_str password)
{
	char pair[SECRET_MAX_BYTES + 512];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, pair, sizeof(pair));
	tb_buf_append_z(&buf, source->user);
	tb_buf_append_char(&buf, ':');
	tb_buf_append_str(&buf, password);
	tb_buf_append_z(line, "Authorization: Basic ");
	tb_base64_put(line, tb_buf_str(&buf));
	if (tb_buf_err(&buf) != TB_OK)
		line->err = tb_buf_err(&buf);
	explicit_bzero(pair, sizeof(pair));
}

typedef void put_fn(struct tb_buf *line, const struct tb_source *source,
		    struct tb_str secret);

static enum tb_err add_secret(const struct tb_source *source, const char *path,
			      put_fn *put, struct tb_arena *arena,
			      struct curl_slist **lines,
			      struct tb_connector_failure *ret_failure)
{
	char secret_text[SECRET_MAX_BYTES + 1];
	char line_text[LINE_MAX_BYTES];
	struct tb_str secret = TB_STR_NONE;
	struct tb_buf line;
	enum tb_err err;

	tb_buf_init_fixed(&line, line_text, sizeof(line_text));
	err = read_secret(path, secret_text, arena, &secret, ret_failure);
	if (err == TB_OK) {
		put(&line, source, secret);
		err = add_line(&line, lines);
		if (err != TB_OK)
			tb_failure_of(ret_failure, err);
	}
	explicit_bzero(secret_text, sizeof(secret_text));
	explicit_bzero(line_text, sizeof(line_text));
	return err;
}

enum tb_err tb_fetch_credentials_read(const struct tb_source *source,
				      struct tb_arena *arena,
				      struct curl_slist **ret_lines,
				      struct tb_connector_failure *ret_failure)
{
	struct curl_slist *lines = NULL;
	enum tb_err err = TB_OK;

	if (source->token_file != NULL && source->token_header == NULL &&
	    source->password_file != NULL)
		return refuse(arena, ret_failure,
			      "is for the header of token_file",
			      source->password_file);
	if (source->user != NULL && strchr(source->user, ':') != NULL)
		return tb_failure_set(ret_failure, arena, TB_ERR_DENIED,
				      "credentials", false,
				      "user must not hold a colon");
	if (source->token_file != NULL)
		err = add_secret(source, source->token_file, put_token, arena,
				 &lines, ret_failure);
	if (err == TB_OK && source->password_file != NULL)
		err = add_secret(source, source->password_file, put_basic,
				 arena, &lines, ret_failure);
	if (err != TB_OK) {
		tb_fetch_credentials_wipe(lines);
		return err;
	}
	*ret_lines = lines;
	return TB_OK;
}

void tb_fetch_credentials_wipe(struct curl_slist *lines)
{
	for (struct curl_slist *at = lines; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(lines);
}
