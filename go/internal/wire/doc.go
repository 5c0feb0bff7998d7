// Package wire holds every layout of the bytes that callers and the engine exchange.
//
// A caller sends one request and receives batches of records until a batch has the state
// "finished". Numbers are little-endian and packed without padding: u8, u16, u32 and u64 are
// unsigned, i32 and i64 signed. Paths and names are bytes as the file system has them (on Windows,
// UTF-8); all other texts are UTF-8. A size counts bytes. [ABI] is raised with every change to what
// follows or to the meaning of a field.
//
// # Requests
//
// A request is a list of fields "key=value", separated by NUL. The first field is "op", and selects
// the operation. Keys are the names of the options in the Python API. A key comes once, unless the
// list says otherwise. A field that is left out has its default. In a request, a flag is the text "1"
// or "0", an integer is decimal. An operation refuses keys that are not its own.
//
//	all but algorithms and keys  path (create, recognise, hash: one or more), cwd (absolute: what relative paths
//	                     start from)
//	verify, create, update  workers, io_depth, leave_cache, follow_outside
//	verify, entries      content: the manifest itself, in base64 (RFC 4648, section 4), at most [MaxContent]
//	                     bytes; path is its name then, and its names start from cwd
//	verify               recursive, extra, ignore_missing, ignore_text, root, strip, basename, remap
//	                     (zero or more), only, include, exclude, columns, trust, trust_fingerprint (zero or more
//	                     each), signers, signature, namespace, min_strength, algorithm, format, bag_profile,
//	                     keep_verified, totals, high_water, max_bad_lines
//	entries              recursive, ignore_text, algorithm, format, high_water
//	signed               trust, trust_fingerprint, signers, signature, namespace, recursive, follow_outside,
//	                     keep_verified, totals, high_water, max_bad_lines: files signed one by one, with the records of
//	                     verify; path is a file or a folder
//	keys                 trust (one or more) and cwd: what files of keys hold; it takes no path
//	recognise            no other field
//	hash                 algorithm (names joined by ","), workers, leave_cache
//	create               algorithm (names joined by ","), format, output ("-": send the manifest's
//	                     bytes), relative_to, overwrite, links, skip_special, include, exclude (zero or
//	                     more each), remember, totals
//	update               all, prune, add, dry_run, accept_changed, accept_suspect, relative_to, algorithm,
//	                     format, links, skip_special, include, exclude (zero or more each), remember
//	convert              to, output, overwrite, drop_signature, algorithm, format
//	algorithms           no other field
//
// The value of trust is "p" and the path of a file of keys, or "c" and the content of one in base64.
// The value of remap is "N:PREFIXREPLACEMENT", where N is the size of PREFIX in decimal. Four
// fields are not options of the table in src/checksig/_options.py; keep_verified is a keyword of
// verify() all the same:
//
//	keep_verified  "0": send no record for verified entries; default "1"
//	totals         "1": find out the totals of the progress; default "0"
//	high_water     how many bytes of results the engine buffers before it waits for the caller, 1
//	               to 67108864; default 1048576. The engine wakes a waiting caller at half of that.
//	max_bad_lines  how many bad lines with each code are sent, 1 to 1048576; by default all. The
//	               summary counts all in any case.
//
// For example, these 43 bytes verify /data with two workers, and replace "a/" with "b/" in all names:
//
//	op=verify NUL path=/data NUL workers=2 NUL remap=2:a/b/
//
// # Batches
//
// A batch is a header of 33 bytes and any number of records, in which a flag is a u8 that is 0 or 1.
//
//	offset  type  header
//	0       u8    state: 0 running, 1 finished
//	1       i64   files done
//	9       i64   files in all, -1 until known
//	17      i64   bytes read
//	25      i64   bytes to read in all, -1 until known
//
//	offset  type  record
//	0       u8    kind: one of the letters below
//	1       u32   size of the payload
//	5             payload
//
// Records keep this order: a manifest comes before everything that refers to it, and one 'S', 'W' or
// 'X' is the last record of the last batch. Nothing else is ordered.
//
// # Records of verify
//
// "manifest" is the index of an 'M' record. Indices start at 0 and grow by 1. Lines start at 1.
//
//	'M' manifest
//	0   u32    index
//	4   u32    size of format
//	8   u32    size of encoding
//	12  u32    size of wrapper
//	16         format ("gnu"; empty if it could not be opened), encoding ("utf-8", "utf-16le" or
//	           "utf-16be"; with "gzip+", "bzip2+", "xz+" or "zstd+" in front if
//	           compressed; in a bag the one that it names), wrapper ("pgp", "signify", "dsse", "sigstore" or empty), path (the rest)
//
//	'R' read: the manifest was read to its end
//	0   u32    manifest
//	4   flag   assumed: the algorithm of some digests is known from their length alone
//	5   u64    lines of text that ignore_text passed over
//	13  u32    size of algorithms
//	17         names of its algorithms, what it states that was not verified ("mode"); both separated
//	           by one space
//
//	'E' entry
//	0   u8     status: 0 verified, 1 mismatched, 2 missing, 3 unreadable, 4 skipped; or 5 refused, 6 too weak,
//	           which both count as unreadable
//	1   u8     size of algorithm
//	2   u8     size of expected
//	3   u8     size of found
//	4   flag   assumed: the algorithm is known from the digest's length alone
//	5   u32    manifest
//	9   u64    line
//	17  u64    bytes read
//	25  u32    size of name
//	29  u32    size of detail
//	33  u32    size of opened
//	37  u32    size of moved
//	41         algorithm, expected (the digest listed), found (the digest computed; empty if the file
//	           was not read to its end), name (as the manifest lists it), detail (why it failed),
//	           opened (the path of the file; empty if it is name in the manifest's folder), moved
//	           (where a missing file probably is now; empty if unknown)
//
//	'V' verified: entries whose status is verified or skipped, each in the shortest form that holds
//	it. The payload is a sequence of items without a size in front; the first byte tells them apart:
//
//	  'G' group: what the 'v' items after it, up to the next 'G', have in common
//	  0   u8     'G'
//	  1   u8     size of algorithm
//	  2   flag   assumed
//	  3   u32    manifest
//	  7          algorithm
//
//	  'v' entry: verified; found is equal to expected; opened is empty
//	  0   u8     'v'
//	  1   u8     size of expected
//	  2   u16    size of name
//	  4   u32    line
//	  8   u64    bytes read
//	  16         expected, name
//
//	  'E' entry: a whole 'E' record, its five bytes of kind and size included
//
//	A batch may hold several 'V' records. Each starts with no group.
//
//	'U' unlisted: a file that no manifest lists; with only, a path of that field that no entry is about
//	0   u32    size of path
//	4          path, moved from (the path of a missing file with the same digest; empty if none)
//
//	'N' not understood: a file in a folder that looks like a manifest, but has no known format
//	0          path
//
//	'B' bad line
//	0   u32    manifest
//	4   u64    line; 0 if it is about the manifest as a whole
//	12  u8     code: 0 none, 1 the line lists a file without a digest, 2 not about the line but about the
//	           directory structure that the manifest belongs to, 3 the manifest, or the folder, cannot be read
//	           from there on, 4 nothing was there to verify, 5 the manifest as a whole is not trusted
//	13  u32    size of text
//	17         text (the beginning of the line), cause
//
//	'I' note: something about a manifest that is worth knowing, and no fault
//	0   u32    manifest
//	4   u64    line; 0 if it is about the manifest as a whole
//	12         text
//
//	'T' signature of a manifest, after its 'M'
//	0   u32    manifest
//	4   u8     state: 0 verified, 1 the manifest is not trusted (the texts are empty), 2 not checked (only
//	           its file is given)
//	5   i64    when it was made, in seconds since 1970, as the signer says; -1 if unknown
//	13         each as a u32 size and its bytes: format ("pgp", "signify", "minisign", "ssh"), key ID, fingerprint,
//	           identity (a user ID, principal or comment: any bytes), comment (that is signed), file (empty if
//	           the signature is inside the manifest)
//
//	'K' key, of keys; an 'S' of zeros ends them
//	0   flag   authority: it certifies keys
//	1   i64    when it was created, in seconds since 1970; -1 if unknown
//	9   i64    when it expires; -1 for never
//	17         each as a u32 size and its bytes: format, algorithm ("rsa-4096"), ID, fingerprint, problem (why
//	           no signature of it counts), and any number of names (user IDs, principals or a comment)
//
//	'S' summary, of verify, entries, recognise, hash and algorithms; of all but verify, only the bad
//	lines, the bytes read and the time count
//	0   5 i64  entries by status: verified, mismatched, missing, unreadable, skipped
//	40  i64    bad lines
//	48  i64    unlisted files
//	56  i64    entries that include, exclude and columns leave out, which count as nothing else
//	64  i64    bytes read
//	72  i64    elapsed time in nanoseconds
//
// # Records of entries
//
// Besides 'M', 'R', 'B', 'I', 'N' and 'S':
//
//	'L' listed: an entry, in the order of the manifest
//	0   u8     size of algorithm
//	1   u8     size of digest
//	2   flag   assumed: the algorithm is known from the digest's length alone
//	3   flag   optional: the manifest says that the file may be missing
//	4   u32    manifest
//	8   i64    line
//	16  i64    size of the file, -1 if the manifest does not list it
//	24  u32    size of name
//	28         algorithm, digest, name, raw name (what the manifest lists if name was derived from it;
//	           empty if it was not)
//
// # Records of recognise and hash
//
// "file" is the index of a path in the request. There is one record for each path, in any order.
//
//	'C' content, of recognise
//	0   u32    file
//	4   u8     what it is: 0 no manifest, 1 a manifest, by its name or its content, or it cannot be read, 2 it
//	           holds digests, but begins like no manifest
//
//	'H' hashed, of hash
//	0   u32    file
//	4   i32    the system's error number, 0 if there is none
//	8   i64    bytes read
//	16  u8     number of digests; 0 if the file was not read to its end
//	17         digests, each as a u8 size and its bytes, in the order of the algorithms; cause (why there
//	           are none)
//
// # Records of create, update and convert
//
//	'F' file: something to report about one name
//	0   u8     change: 1 skipped, 2 added, 3 changed, 4 removed, 5 still missing, 6 unread, 7 suspect,
//	           8 comment (the name is a comment that was dropped), 9 renamed (the name is what the
//	           old manifest had instead of the file's), 10 remembered (the name is "key=value", which
//	           the manifest remembers), 11 forgotten (the same, which its format cannot hold)
//	1          name
//
//	'P' odd: a file that cannot be listed. After several, up to 1,000 of which come, the 'X' record is
//	not about one of them
//	0   u32    size of path
//	4          path, cause
//
//	'D' data: the next bytes of a manifest that is sent to the caller
//
//	'W' written, the last record
//	0   i64    files listed
//	8   i64    digests listed
//	16  i64    files and folders that include and exclude leave out
//	24  i64    bytes read
//	32  i64    elapsed time in nanoseconds
//	40  flag   plan: nothing was written, as dry_run asks for
//	41  flag   held: nothing was written, or would be, as accept_changed or accept_suspect is not set
//	42         each as a u32 size and its bytes: path, folder that names start from, format,
//	           algorithms joined by ","
//
// # Records of every operation
//
//	'X' error: the operation failed as a whole, the last record
//	0   u8     code: see [Code]
//	1   i32    the system's error number, 0 if there is none
//	5   u32    size of path
//	9          path (empty if the error is not about a file), message
//
//	'A' algorithm, of algorithms: one for each, before an 'S' of zeros
//	0   u8     size of the digest
//	1   flag   variable: shorter digests are possible
//	2   u16    bits of collision resistance
//	4          each as a u32 size and its bytes: name, class of strength ("checksum", "broken",
//	           "short" or "strong"), other spellings joined by ","
//
// For example, a verification without files that has found one manifest, "S", so far sends this
// batch of 63 bytes (in hexadecimal; the lines are the header and the record):
//
//	00 0000000000000000 ffffffffffffffff 0000000000000000 ffffffffffffffff
//	4d 19000000 00000000 03000000 05000000 00000000 676e75 7574662d38 53
//
// # Frames
//
// The engine as a process of its own receives the request on standard input and sends the batches
// on standard output. Each is a frame: its size as u32, then its bytes. A request has at most
// [MaxRequest] bytes.
package wire
