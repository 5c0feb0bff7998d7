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
//	all but algorithms, keys and shard  path (create, recognise, hash: one or more), cwd (absolute: what relative paths
//	                     start from)
//	verify, entries, recognise, hash, create, shard, bundles  source: paths are those of remote files, which the caller reads: absolute,
//	                     joined by "/". The value is what reports show before them ("s3:/")
//	verify, create, update  workers, io_depth, leave_cache, follow_outside
//	verify, entries      content: the manifest itself, in base64 (RFC 4648, section 4), at most [MaxContent]
//	                     bytes; path is its name then, and its names start from cwd
//	verify               recursive, extra, ignore_missing, ignore_text, ignore_attributes, root, strip, basename, remap
//	                     (zero or more), only, include, exclude, columns, trust, trust_fingerprint (zero or more
//	                     each), signers, signature, beside (zero or more), namespace, attesting, attested (zero or more),
//	                     min_strength, algorithm, format, bag_profile, keep_verified, totals, high_water, max_bad_lines, plan, part,
//	                     max_time, proofs, stored (with source), shards, part_size
//	entries              recursive, ignore_text, columns, algorithm, format, high_water
//	signed               trust, trust_fingerprint, signers, signature, namespace, attesting, attested, recursive, follow_outside,
//	                     keep_verified, totals, high_water, max_bad_lines: files signed one by one, with the records of
//	                     verify; path is a file or a folder
//	keys                 trust (one or more) and cwd: what files of keys hold; it takes no path
//	bundles              content, format, root, include, exclude, signature, beside, recursive, follow_outside, signed ("1":
//	                     for signed instead of verify), high_water: the files that the caller must attest
//	recognise            no other field
//	hash                 algorithm (names joined by ","), workers, io_depth, leave_cache
//	verify, create       shards: how many shards the caller has hashed at once, 1 to 16384; by default the engine
//	                     hashes the files
//	shard                see below
//	create               algorithm (names joined by ","), format, output ("-": send the manifest's
//	                     bytes), relative_to, overwrite, links, skip_special, include, exclude (zero or
//	                     more each), remember, totals
//	update               all, prune, add, dry_run, accept_changed, accept_suspect, relative_to, algorithm,
//	                     format, links, skip_special, include, exclude (zero or more each), remember
//	convert              to, output, overwrite, drop_signature, columns, algorithm, format
//	algorithms           no other field
//
// With plan, verify verifies nothing: it reads the manifests and finds out the states of the files, for a caller who
// then chooses what a verify with part verifies. The value of part is in base64, and compressed with zlib: 32 bytes from the 'D' record of
// the plan, the number of its manifests as u32, the number of the 'J' records of each as u64, and for each 'J' record a
// u8: 0 the entry is not verified, 1 it was verified before, 2 or more it is verified, the lowest ones first.
//
// The value of trust is "p" and the path of a file of keys, or "c" and the content of one in base64.
// attesting is "1" if the caller was asked to verify Sigstore bundles and attestations; each value of attested is
// a JSON object with what it found out about one of them, see package job.
// A value of beside is a signature file of the manifest that the caller has read, instead of those that the engine would
// look for: "c" and its content, or "e" and the cause of an error, that in base64, then ":" and its name. Without keys, only
// the name counts.
// The value of remap is "N:PREFIXREPLACEMENT", where N is the size of PREFIX in decimal. Eight
// fields are not options of the table in src/checksig/_options.py; keep_verified is a keyword of
// verify() all the same:
//
//	keep_verified  "0": send no record for verified entries; default "1"
//	totals         "1": find out the totals of the progress; default "0"
//	high_water     how many bytes of results the engine buffers before it waits for the caller, 1
//	               to 67108864; default 1048576. The engine wakes a waiting caller at half of that.
//	plan           "1": send what part can be chosen from; default "0"
//	max_time       after how many milliseconds no more files are read, 1 to 2147483647; by default never
//	proofs         "1": send a 'Y' record for each entry that was verified or failed; default "0"
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
//	           which both count as unreadable; or 7 verified before, 8 not verified, with part
//	1   u8     size of algorithm
//	2   u8     size of expected
//	3   u8     size of found
//	4   flag   assumed: the algorithm is known from the digest's length alone
//	5   flag   stored: found is what the store keeps; the file was not read
//	6   u32    manifest
//	10  u64    line
//	18  u64    bytes read
//	26  u32    size of name
//	30  u32    size of detail
//	34  u32    size of opened
//	38  u32    size of moved
//	42         algorithm, expected (the digest listed), found (the digest computed; empty if the file
//	           was not read to its end), name (as the manifest lists it), detail (why it failed),
//	           opened (the path of the file; empty if it is name in the manifest's folder), moved
//	           (where a missing file probably is now; empty if unknown)
//
//	'V' verified: entries whose status is none of a failure, each in the shortest form that holds
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
//	13         each as a u32 size and its bytes: format ("pgp", "signify", "minisign", "ssh", "sigstore", "key"), key ID, fingerprint,
//	           identity (a user ID, principal or comment: any bytes), comment (that is signed), file (empty if
//	           the signature is inside the manifest), issuer, predicate type and log index in decimal (empty
//	           but for "sigstore" and "key")
//
//	'Z' file that may hold Sigstore bundles or attestations, of bundles; an 'S' of zeros ends them
//	0   u32    size of path
//	4          path, content
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
//	64  i64    entries that were verified before, of part
//	72  i64    entries that were not verified, of part
//	80  i64    verified entries whose digests are those that a store keeps
//	88  i64    bytes read
//	96  i64    elapsed time in nanoseconds
//
//	'Y' proof, with proofs: what became of an entry that was looked at
//	0   u8     status, as in 'E'
//	1   u8     size of algorithm
//	2   u8     size of digest
//	3   u32    manifest
//	7   16 u8  what stands for the entry and its file, in all runs
//	23  i64    size of the file, before and after it was read; -1 if it was not read to its end
//	31  i64    its modification time, in nanoseconds since 1970
//	39  i64    its status change time; 0 if the system has none
//	47  u64    its number in the file system; 0 if the system has none
//	55         algorithm, digest (that is listed), name (as the manifest lists it)
//
// # Records of plan
//
// Besides 'M' and 'S':
//
//	'J' entry, in the order of the manifests
//	0   u32    manifest
//	4   16 u8  what stands for the entry and its file
//	20  i64    size that the manifest lists, -1 if it lists none
//	28  i64    size of the file; -1 if it cannot be read
//	36         times and number of the file, as in 'Y'
//
//	'D' data: 32 bytes that stand for all entries, after the last 'J'
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
// # Records of shard
//
// A shard is files that any process hashes that sees them: with the field shards, the engine asks the caller for their
// digests, in queries. The request comes from the engine. It has the fields abi ([ABI]), top (the folder that roots start
// from, absolute), workers, io_depth, leave_cache, follow_outside, source, stored and high_water, then those of the
// files. Each name is a file, with the root (from top, or absolute), the algorithm (names joined by ",") and the size (-1
// for any; a file of another size is not read) that came last before it. other is another name for the same file, which
// is opened if there is none of the names before it. There is one record for each file, in any order, and an 'S':
//
//	'O' outcome
//	0   u32    index of the file
//	4   u8     index of the name that it was opened under
//	5   u8     why it has no digests: 0 none or another reason, 1 missing, 2 leads outside, 3 not a regular file,
//	           4 changed while it was read, 5 no name of a file
//	6   flag   stored: the digests are what the store keeps; the file was not read
//	7   i64    size of the file; -1 if it could not be opened or read
//	15         times and number of the file, as in 'Y'; 0 if it was not read to its end
//	39  i64    bytes read
//	47  u8     number of digests; 0 if there are none
//	48         digests, each as a u8 size and its bytes, in the order of the algorithms; cause (why there are
//	           none; empty if it has another size than the one listed)
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
// # Queries
//
// With the field source, the engine asks the caller for remote files; with shards, for the digests of files. Queries
// come in any order, and many before the first answer; a caller is woken for each. Paths have no component that is
// empty, "." or "..".
//
//	'Q' query
//	0   u32    number
//	4   u8     what: 1 describe the path, 2 describe all that is directly in the folder, 3 read a part of
//	           the file, 4 compare the file with the version, 5 the checksums that the store keeps of it,
//	           6 hash the files of a shard
//	5   u64    offset, of 3; bytes to read, about, of 6
//	13  u32    size, of 3; number of files, of 6
//	17         each as a u32 size and its bytes: path (of 6 the request for the operation shard), version (as
//	           it was described); then names of algorithms joined by ",", of 5
//
// An answer has a number, a status and data. A library takes them as arguments of checksig_answer; the process in a
// frame of the number as u32, the status as u8, and the data.
//
//	status: 0 ok, 1 there is no such file, 2 access was denied, 3 the file is another version, 4 no file can have that
//	name, 5 it leads outside, 6 it failed (the data is the reason)
//
// The data of an answer to 3 has exactly the size asked for. That to 1 is a description, which the whole content of a
// file may follow, if it comes from the version described; to 2, any number of descriptions:
//
//	0   u8     kind: 0 file, 1 folder, 2 other
//	1   i64    size
//	9   i64    modification time in nanoseconds since 1970; the least number if unknown
//	17  u32    size of name
//	21  u32    size of version
//	25         name (the last component), version (any bytes that differ when the file does)
//
// The data of an answer to 5 is the digests of the whole file that the store has: each a u8 size of the algorithm's
// name, a u8 size of the digest, and both. The data of an answer to 6 is the 'O' records of the shard, with their heads.
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
// [MaxRequest] bytes. Answers are frames after it.
package wire
