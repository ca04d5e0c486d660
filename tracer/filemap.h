/* filemap.h — file names of code objects → "traced or not" and their entry in the segment.
 *
 * Owns the filters' answers, absolute paths, and the source text of what is not a file. */
#ifndef HRT_FILEMAP_H
#define HRT_FILEMAP_H

#include "tracer.h"

/* Once a process. Files in `own_directory`, this package's, are never traced, whatever a filter says. HR_ENOMEM. */
int hrt_filemap_init(const char *own_directory);

/* Forgets all answers. */
void hrt_filemap_clear(void);

/* Remembers the directory in which the program was when the package was imported. */
void hrt_filemap_remember_cwd(void);

/* HRT_LATER: not known now (the filter itself asks, or the tracer was stopped meanwhile): to be asked again. */
enum hrt_traced { HRT_UNTRACED, HRT_TRACED, HRT_LATER };

/* Whether code of `py_filename` is to be counted. Asks the filters once a path; no exception may be pending, and none
 * is left. Python code runs, here or in other threads meanwhile, which may do anything: hrt_tracer_lives() says whether
 * what was known before still holds. `fresh`: the file has just been loaded, so look whether its content is new. */
enum hrt_traced hrt_filemap_traced(PyObject *py_filename, PyObject *py_globals, bool fresh);

/* Index of the file's entry, made when there is none; HR_INDEX_NONE when the table is full, or the entry is still to be
 * made: see below. Runs no Python code. */
uint32_t hrt_filemap_index(PyObject *py_filename);

/* True while another thread asks the filters for this file (what is published never changes, so it must be known
 * whether it is traced), or makes the entry of a traced one and looks for its source. */
bool hrt_filemap_pending(PyObject *py_filename);

#endif
