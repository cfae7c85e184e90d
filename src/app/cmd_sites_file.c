/*
 * Many sites from a CSV file. Every row is checked before the first site is
 * made; a site's password is in the new file, and on the disk, before the
 * site exists. Sites that exist are passed over, so that a run that was cut
 * short is finished by running it again.
 */
#include "app/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "app/accounts.h"
#include "app/file.h"
#include "app/password.h"
#include "app/sites.h"
#include "base/assert.h"
#include "codec/csv.h"
#include "codec/json.h"

#define FILE_MAX_BYTES (64 * 1024 * 1024)
#define SITES_MAX 100000
#define FIELDS_MAX 32

enum column {
	NAME,
	ID,
	ORG,
	STORES,
	CODE,
	TITLE,
	EDIT_CENTRAL,
	N_COLUMNS
};

static const char *const column_names[N_COLUMNS] = {
	[NAME] = "name",     [ID] = "id",       [ORG] = "org",
	[STORES] = "stores", /* several with `;` between them */
	[CODE] = "code",     [TITLE] = "title", [EDIT_CENTRAL] = "edit_central",
};

struct row {
	size_t line;
	struct tb_account site;
	const struct tb_str *stores;
	size_t n_stores;
};

struct file {
	struct tb_session *session;
	const char *path;
	struct tb_csv csv;
	struct tb_str cells[FIELDS_MAX]; /* of the row that is read */
	size_t at[N_COLUMNS]; /* column of the file; NONE: not there */
	struct row *rows;
	size_t n_rows;
};

#define NONE SIZE_MAX

static enum tb_exit fail_row(const struct file *file, const char *column,
			     enum tb_err err)
{
	return tb_fail(err, "%s:%zu: %s", file->path, file->csv.line, column);
}

/* The next row, each of its cells without the spaces around it. */
static enum tb_err next_row(struct file *file, struct tb_csv_row *ret)
{
	struct tb_csv_row row = { .fields = file->cells, .max = FIELDS_MAX };
	enum tb_err err = tb_csv_next(&file->csv, file->session->arena, &row);

	if (err)
		return err;
	if (row.n > row.max)
		return TB_ERR_TOO_LARGE;
	for (size_t i = 0; i < row.n; i++)
		row.fields[i] = tb_str_trim(row.fields[i]);
	*ret = row;
	return TB_OK;
}

static enum tb_exit take_column(struct file *file, struct tb_str name,
				size_t at)
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (!tb_str_eq(name, tb_str_z(column_names[i])))
			continue;
		if (file->at[i] != NONE)
			return fail_row(file, column_names[i], TB_ERR_EXISTS);
		file->at[i] = at;
		return TB_EXIT_OK;
	}
	return tb_fail(TB_ERR_INVALID, "%s:1: column `%.*s`", file->path,
		       TB_STR_ARG(name));
}

static enum tb_exit read_header(struct file *file)
{
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_csv_row row;
	enum tb_err err;

	for (size_t i = 0; i < N_COLUMNS; i++)
		file->at[i] = NONE;
	err = next_row(file, &row);
	if (err)
		return fail_row(file, "header", err);
	for (size_t i = 0; !exit && i < row.n; i++)
		exit = take_column(file, row.fields[i], i);
	if (!exit && (file->at[NAME] == NONE || file->at[ID] == NONE))
		exit = fail_row(file, "columns name and id", TB_ERR_NOT_FOUND);
	return exit;
}

static struct tb_str cell(const struct file *file, const struct tb_csv_row *row,
			  enum column column)
{
	size_t at = file->at[column];

	return at == NONE || at >= row->n ? TB_STR_NONE : row->fields[at];
}

/* The org that the row names, or the one of --org. */
static enum tb_exit find_org(struct file *file, struct tb_str name,
			     uint32_t *ret)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit;
	struct tb_tx *tx;
	enum tb_err err;

	if (name.n == 0) {
		exit = tb_session_org(file->session, &org);
	} else {
		err = tb_core_read(file->session->core, &tx);
		if (!err) {
			err = tb_directory_find_org(tx, name, &org);
			tb_core_read_end(tx);
		}
		exit = err ? fail_row(file, "org", err) : TB_EXIT_OK;
	}
	if (!exit)
		*ret = org.id;
	return exit;
}

static enum tb_exit read_stores(struct file *file, struct tb_str list,
				struct row *row)
{
	struct tb_str *stores = tb_arena_calloc(
		file->session->arena, list.n / 2 + 1, sizeof(*stores));
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_str id;

	if (!stores)
		return fail_row(file, "stores", TB_ERR_NOMEM);
	row->stores = stores;
	while (!exit && list.n > 0) {
		id = tb_str_trim(tb_str_cut(&list, ';'));
		if (id.n == 0)
			continue;
		stores[row->n_stores++] = id;
		exit = tb_accounts_check_store(file->session, row->site.org,
					       id);
	}
	return exit;
}

static bool is_yes(struct tb_str text)
{
	return tb_str_eq_nocase(text, TB_STR("yes")) ||
	       tb_str_eq_nocase(text, TB_STR("true")) ||
	       tb_str_eq(text, TB_STR("1"));
}

static enum tb_exit read_row(struct file *file, const struct tb_csv_row *cells,
			     struct row *ret)
{
	struct tb_str title = cell(file, cells, TITLE);
	struct row row = {
		.line = file->csv.line,
		.site = { .kind = TB_ACCOUNT_SITE,
			  .username = cell(file, cells, NAME),
			  .key = cell(file, cells, ID),
			  .code = cell(file, cells, CODE),
			  .may_edit_central =
				  is_yes(cell(file, cells, EDIT_CENTRAL)) },
	};
	enum tb_exit exit;

	row.site.name = title.n > 0 ? title : row.site.username;
	if (row.site.username.n == 0)
		return fail_row(file, "name", TB_ERR_INVALID);
	if (tb_accounts_parse_site_id(row.site.key, &row.site.site_id))
		return fail_row(file, "id", TB_ERR_INVALID);
	exit = find_org(file, cell(file, cells, ORG), &row.site.org);
	if (!exit)
		exit = read_stores(file, cell(file, cells, STORES), &row);
	if (!exit)
		*ret = row;
	return exit;
}

static enum tb_exit read_rows(struct file *file)
{
	struct tb_arena *arena = file->session->arena;
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_csv_row cells;
	enum tb_err err = TB_OK;

	file->rows = tb_arena_calloc(arena, SITES_MAX, sizeof(*file->rows));
	if (!file->rows)
		return tb_fail(TB_ERR_NOMEM, "%s", file->path);
	while (!exit && !(err = next_row(file, &cells))) {
		if (file->n_rows == SITES_MAX)
			return fail_row(file, "sites", TB_ERR_TOO_LARGE);
		exit = read_row(file, &cells, &file->rows[file->n_rows]);
		file->n_rows++;
	}
	if (!exit && err != TB_ERR_NOT_FOUND)
		exit = fail_row(file, "row", err);
	return exit;
}

static enum tb_err write_password(int fd, const struct row *row,
				  const char *password)
{
	struct tb_buf line;
	enum tb_err err;

	tb_buf_init(&line, TB_PASSWORD_MAX_BYTES + FILE_MAX_BYTES);
	tb_csv_put(&line, row->site.username);
	tb_buf_append_char(&line, ',');
	tb_buf_append_str(&line, row->site.key);
	tb_buf_append_char(&line, ',');
	tb_csv_put(&line, tb_str_z(password));
	tb_buf_append_char(&line, '\n');
	err = tb_buf_err(&line);
	if (!err)
		err = tb_file_write(fd, tb_buf_str(&line));
	if (!err && fsync(fd))
		err = TB_ERR_IO;
	tb_buf_fini(&line);
	return err;
}

/* Whether a site of this name and id is there already. */
static enum tb_err look_for(struct tb_session *session, const struct row *row,
			    bool *ret)
{
	struct tb_account found;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	err = tb_directory_find_login(session->core, tx, session->arena,
				      TB_ACCOUNT_SITE, row->site.username,
				      &found);
	tb_core_read_end(tx);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	*ret = !err && found.org == row->site.org &&
	       found.site_id == row->site.site_id;
	return TB_OK;
}

static enum tb_err add_row(struct tb_session *session, int fd, struct row *row)
{
	char password[TB_PASSWORD_RANDOM_BYTES];
	char hash[TB_PASSWORD_HASH_BYTES];
	enum tb_err err = tb_password_random(password);

	if (!err)
		err = tb_password_hash(session, TB_ACCOUNT_SITE,
				       tb_str_z(password), hash);
	if (!err)
		err = write_password(fd, row, password);
	row->site.password = tb_str_z(hash);
	if (!err)
		err = tb_sites_add(session, &row->site, row->stores,
				   row->n_stores);
	row->site.password = TB_STR_NONE;
	explicit_bzero(password, sizeof(password));
	return err;
}

static enum tb_exit add_rows(struct file *file, int fd)
{
	size_t n_added = 0;
	enum tb_err err;
	bool there;

	for (size_t i = 0; i < file->n_rows; i++) {
		there = false;
		err = look_for(file->session, &file->rows[i], &there);
		if (!err && !there)
			err = add_row(file->session, fd, &file->rows[i]);
		if (err)
			return tb_fail(err,
				       "%s:%zu: site `%.*s` (%zu before it "
				       "are added)",
				       file->path, file->rows[i].line,
				       TB_STR_ARG(file->rows[i].site.username),
				       n_added);
		n_added += !there;
	}
	printf("%zu sites added, %zu were there\n", n_added,
	       file->n_rows - n_added);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_site_add_file(struct tb_session *session)
{
	const char *to = tb_cli_value(session->cli, TB_OPT_PASSWORDS_TO);
	struct file file = {
		.session = session,
		.path = tb_cli_value(session->cli, TB_OPT_FROM),
	};
	struct tb_str text;
	enum tb_exit exit;
	enum tb_err err;
	int fd;

	if (!to)
		return tb_fail_usage("site add --from: --passwords-to is "
				     "needed");
	err = tb_file_read(session->arena, file.path, FILE_MAX_BYTES, &text);
	if (err)
		return tb_fail(err, "`%s`", file.path);
	file.csv = tb_csv(text);
	exit = read_header(&file);
	if (!exit)
		exit = read_rows(&file);
	if (exit)
		return exit;
	/* A file that is there may hold the only copy of other passwords. */
	err = tb_file_create(to, &fd);
	if (err)
		return tb_fail(err, "`%s`", to);
	exit = add_rows(&file, fd);
	close(fd);
	return exit;
}
