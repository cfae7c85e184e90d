/*
 * A folder of keys for a test, removed with what is in it afterwards.
 */
#ifndef TB_TESTS_KEY_FOLDER_H
#define TB_TESTS_KEY_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"

struct key_folder {
	char parent[32];
	char path[64];
};

static inline void key_folder_init(struct key_folder *folder)
{
	snprintf(folder->parent, sizeof(folder->parent),
		 "/tmp/tombolo-keys-XXXXXX");
	assert_non_null(mkdtemp(folder->parent));
	snprintf(folder->path, sizeof(folder->path), "%s/keys", folder->parent);
}

static inline void key_folder_fini(struct key_folder *folder)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder->path,
			 entry->d_name);
		unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(folder->path);
	rmdir(folder->parent);
}

#endif
