#include "app/password.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#define LINE_BYTES (TB_PASSWORD_MAX_BYTES + 3)
#define HASH_WAIT_MS 60000

/* The first line of a file, without its end. INVALID: empty or too long. */
static enum tb_err read_line(FILE *file, char line[LINE_BYTES],
			     struct tb_str *ret)
{
	size_t n;

	if (!fgets(line, LINE_BYTES, file))
		return ferror(file) ? TB_ERR_IO : TB_ERR_INVALID;
	n = strcspn(line, "\n");
	if (n == LINE_BYTES - 1)
		return TB_ERR_INVALID;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*ret = tb_str(line, n);
	return n == 0 ? TB_ERR_INVALID : TB_OK;
}

/* Asks a person, with the echo off. */
static enum tb_err ask_person(const char *prompt, char line[LINE_BYTES],
			      struct tb_str *ret)
{
	struct termios before;
	struct termios silent;
	enum tb_err err;

	if (tcgetattr(STDIN_FILENO, &before))
		return TB_ERR_IO;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, stderr);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent))
		return TB_ERR_IO;
	err = read_line(stdin, line, ret);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return err;
}

static enum tb_err ask_person_twice(char line[LINE_BYTES], struct tb_str *ret)
{
	char again[LINE_BYTES];
	struct tb_str second;
	enum tb_err err = ask_person("Password: ", line, ret);

	if (!err)
		err = ask_person("The same again: ", again, &second);
	if (!err && !tb_str_eq(*ret, second))
		err = TB_ERR_INVALID;
	explicit_bzero(again, sizeof(again));
	return err;
}

static enum tb_err read_password(const char *path, char line[LINE_BYTES],
				 struct tb_str *ret)
{
	FILE *file;
	enum tb_err err;

	if (!path && isatty(STDIN_FILENO))
		return ask_person_twice(line, ret);
	if (!path)
		return read_line(stdin, line, ret);
	file = fopen(path, "re");
	if (!file)
		return TB_ERR_NOT_FOUND;
	err = read_line(file, line, ret);
	fclose(file);
	return err;
}

enum tb_err tb_password_hash(struct tb_session *session,
			     enum tb_account_kind kind, struct tb_str password,
			     char ret[TB_PASSWORD_HASH_BYTES])
{
	struct tb_passwords_options options = {
		.mem_bytes = session->config->auth.argon2_mem_bytes,
		.ops = session->config->auth.argon2_ops,
		.wait_ms = HASH_WAIT_MS,
	};
	struct tb_passwords *passwords;
	enum tb_err err = tb_passwords_create(&options, &passwords);

	if (err)
		return err;
	err = tb_passwords_make(passwords, kind, password, ret);
	tb_passwords_destroy(passwords);
	return err;
}

enum tb_exit tb_password_ask(struct tb_session *session,
			     enum tb_account_kind kind,
			     char ret[TB_PASSWORD_HASH_BYTES])
{
	const char *path = tb_cli_value(session->cli, TB_OPT_PASSWORD_FILE);
	char line[LINE_BYTES];
	struct tb_str password;
	enum tb_err err = read_password(path, line, &password);
	enum tb_exit exit = TB_EXIT_OK;

	if (err) {
		exit = tb_fail(err, "the password (one line of %s)",
			       path ? path : "standard input");
	} else {
		err = tb_password_hash(session, kind, password, ret);
		if (err == TB_ERR_INVALID)
			exit = tb_fail(err,
				       "the password (too short, too long, or "
				       "64 hex digits)");
		else if (err)
			exit = tb_fail(err, "the password");
	}
	explicit_bzero(line, sizeof(line));
	return exit;
}

enum tb_err tb_password_random(char ret[TB_PASSWORD_RANDOM_BYTES])
{
	/* 32 characters that are not mistaken for each other: 5 bits each,
	 * 120 bits in all. */
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t bytes[TB_PASSWORD_RANDOM_BYTES - 1];

	_Static_assert(sizeof(alphabet) == 33, "one character for 5 bits");
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return TB_ERR_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		ret[i] = alphabet[bytes[i] & 31];
	ret[sizeof(bytes)] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
	return TB_OK;
}
