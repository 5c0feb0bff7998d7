package digest_test

import (
	"fmt"
	"strings"
	"testing"

	"checksig/internal/digest"
)

// vectors are published digests, by algorithm and input.
var vectors = []struct{ source, algorithm, input, digest string }{
	{"catalogue of CRCs, check value", "crc32", "123456789", "cbf43926"},
	{"catalogue of CRCs, CRC-32/CKSUM, with its size", "cksum", "123456789", "377a6011"},
	{"sum of GNU coreutils", "bsdsum", "123456789", "d16f"},
	{"sum -s of GNU coreutils", "sysvsum", "123456789", "01dd"},
	{"catalogue of CRCs, check value", "crc32c", "123456789", "e3069283"},
	{"RFC 3720 B.4", "crc32c", strings.Repeat("\x00", 32), "8a9136aa"},
	{"RFC 3720 B.4", "crc32c", strings.Repeat("\xff", 32), "62a8ab43"},
	{"RFC 3720 B.4", "crc32c", counting(32, 256), "46dd794e"},
	{"catalogue of CRCs, check value of CRC-64/NVME", "crc64nvme", "123456789", "ae8b14860a799888"},
	{"git hash-object", "gitblob-sha1", "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
	{"git hash-object, in Pro Git", "gitblob-sha1", "what is up, doc?", "bd9dbf5aae1a3862dd1526723246b20206e5fc37"},
	{"git hash-object --object-format=sha256", "gitblob-sha256", "", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"},
	{"NIST, FIPS 180-4, two blocks", "sha512-224", twoBlocks1024, "23fec5bb94d60b23308192640b0c453335d664734fe40e7268674af9"},
	{"Adler-32 of zlib", "adler32", "", "00000001"},
	{"Adler-32 of zlib", "adler32", "Wikipedia", "11e60398"},
	{"its authors", "ripemd160", "", "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
	{"its authors", "ripemd160", "a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"},
	{"its authors", "ripemd160", strings.Repeat("a", 1_000_000), "52783243c1697bdbe16d37f97f68f08325dc1528"},
	{"RFC 1321 A.5", "md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
	{"RFC 1321 A.5", "md5", "a", "0cc175b9c0f1b6a831c399e269772661"},
	{"RFC 1321 A.5", "md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
	{"RFC 1321 A.5", "md5", "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
	{"RFC 1321 A.5", "md5", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
	{"RFC 1321 A.5", "md5", "12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"},
	{"NIST, FIPS 180-4, two blocks", "sha1", twoBlocks512, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
	{"NIST, FIPS 180-4, two blocks", "sha224", twoBlocks512, "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"},
	{"NIST, FIPS 180-4, two blocks", "sha256", twoBlocks512, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"NIST, FIPS 180-4, two blocks", "sha384", twoBlocks1024, "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712" +
		"fcc7c71a557e2db966c3e9fa91746039"},
	{"NIST, FIPS 180-4, two blocks", "sha512", twoBlocks1024, "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018" +
		"501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
	{"NIST, FIPS 180-4, two blocks", "sha512-256", twoBlocks1024, "3928e184fb8690f840da3988121d31be65cb9d3ef83ee6146feac861e19b563a"},
	{"NIST, FIPS 180-4, a million a", "sha1", strings.Repeat("a", 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
	{"NIST, FIPS 180-4, a million a", "sha224", strings.Repeat("a", 1_000_000), "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67"},
	{"NIST, FIPS 180-4, a million a", "sha256", strings.Repeat("a", 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	{"NIST, FIPS 180-4, a million a", "sha384", strings.Repeat("a", 1_000_000), "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b" +
		"07b8b3dc38ecc4ebae97ddd87f3d8985"},
	{"NIST, FIPS 180-4, a million a", "sha512", strings.Repeat("a", 1_000_000), "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb" +
		"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
	{"NIST, FIPS 202, 0 bits", "sha3-224", "", "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"},
	{"NIST, FIPS 202, 1600 bits", "sha3-224", strings.Repeat("\xa3", 200), "9376816aba503f72f96ce7eb65ac095deee3be4bf9bbc2a1cb7e11e0"},
	{"NIST, FIPS 202, 0 bits", "sha3-256", "", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"},
	{"NIST, FIPS 202, 1600 bits", "sha3-256", strings.Repeat("\xa3", 200), "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"},
	{"NIST, FIPS 202, 0 bits", "sha3-384", "", "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2a" +
		"c3713831264adb47fb6bd1e058d5f004"},
	{"NIST, FIPS 202, 1600 bits", "sha3-384", strings.Repeat("\xa3", 200), "1881de2ca7e41ef95dc4732b8f5f002b189cc1e42b74168ed1732649ce1dbcdd" +
		"76197a31fd55ee989f2d7050dd473e8f"},
	{"NIST, FIPS 202, 0 bits", "sha3-512", "", "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6" +
		"15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26"},
	{"NIST, FIPS 202, 1600 bits", "sha3-512", strings.Repeat("\xa3", 200), "e76dfad22084a8b1467fcf2ffa58361bec7628edf5f3fdc0e4805dc48caeeca8" +
		"1b7c13c30adf52a3659584739a2df46be589c51ca1a4a8416df6545a1ce8ba00"},
	{"BLAKE2 test vectors", "blake2b", "", "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419" +
		"d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce"},
	{"BLAKE2 test vectors", "blake2b", counting(255, 256), "5b21c5fd8868367612474fa2e70e9cfa2201ffeee8fafab5797ad58fefa17c9b" +
		"5b107da4a3db6320baaf2c8617d5a51df914ae88da3867c2d41f0cc14fa67928"},
	{"BLAKE2 test vectors", "blake2s", "", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
	{"BLAKE2 test vectors", "blake2s", counting(255, 256), "f03f5789d3336b80d002d59fdf918bdb775b00956ed5528e86aa994acb38fe2d"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-8", counting(129, 256), "c7"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-128", counting(129, 256), "aaf1b0371f6d4ee49ee4fb5ddd9c49ef"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-160", counting(129, 256), "a7bf25f1599102ab631e3052e8303a2c097d1a7e"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-248", counting(129, 256), "de88e3ff170022e7ee683d3951891abc57a8e2be6e2978029585bc1d48b769"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-384", counting(129, 256), "a95db6e5ccd191793ad20179bfd63e8c7aedf0cc1084549f73127e3fccc738b4" +
		"05ac2a93d692e76214320089121073e5"},
	{"RFC 7693, computed by Python's hashlib", "blake2b-504", counting(129, 256), "58052046b6af93be4f46e2e556b5ca5d612b26cf9e25356df67db90cf876acc1" +
		"631649cafcd25e2363d441f2fa3db70ef5f586a4bcaa85db0bb88de7bb8a22"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-8", counting(129, 256), "fa"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-120", counting(129, 256), "bf89618aebae41157a0919695579f1"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-128", counting(129, 256), "dd6146fb0f48a29aa4c813fe75d15941"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-160", counting(129, 256), "844da1b7c83cef2f35fc1433c5990161e3202c9d"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-224", counting(129, 256), "f777cfa65ac9a2aada6a1304ab336bd5f0acdd67be700be1b7943a2d"},
	{"RFC 7693, computed by Python's hashlib", "blake2s-248", counting(129, 256), "a27f04b8696f4f8c3efae077dc8ac84dc897b09ec7d6ed06e57202134ce2dd"},
	{"BLAKE3, test_vectors.json", "blake3", counting(0, 251), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
	{"BLAKE3, test_vectors.json", "blake3", counting(1, 251), "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
	{"BLAKE3, test_vectors.json", "blake3", counting(1023, 251), "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
	{"BLAKE3, test_vectors.json", "blake3", counting(1024, 251), "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
	{"BLAKE3, test_vectors.json", "blake3", counting(1025, 251), "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
	{"BLAKE3, test_vectors.json", "blake3", counting(2048, 251), "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
	{"BLAKE3, test_vectors.json", "blake3", counting(2049, 251), "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
	{"BLAKE3, test_vectors.json", "blake3", counting(3073, 251), "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
	{"BLAKE3, test_vectors.json", "blake3", counting(4097, 251), "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
	{"BLAKE3, test_vectors.json", "blake3", counting(8192, 251), "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
	{"BLAKE3, test_vectors.json", "blake3", counting(8193, 251), "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
	{"BLAKE3, test_vectors.json", "blake3", counting(16384, 251), "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"},
	{"BLAKE3, test_vectors.json", "blake3", counting(31744, 251), "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
	{"GB/T 32905-2016 A.2", "sm3", strings.Repeat("abcd", 16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"},
	{"xxHash 0.8, sanity check", "xxh64", generated(0), "ef46db3751d8e999"},
	{"xxHash 0.8, sanity check", "xxh64", generated(1), "e934a84adb052768"},
	{"xxHash 0.8, sanity check", "xxh64", generated(4), "9136a0dca57457ee"},
	{"xxHash 0.8, sanity check", "xxh64", generated(14), "8282dcc4994e35c8"},
	{"xxHash 0.8, sanity check", "xxh64", generated(222), "b641ae8cb691c174"},
	{"xxHash 0.8, sanity check", "xxh3", generated(0), "2d06800538d394c2"},
	{"xxHash 0.8, sanity check", "xxh3", generated(1), "c44bdff4074eecdb"},
	{"xxHash 0.8, sanity check", "xxh3", generated(6), "27b56a84cd2d7325"},
	{"xxHash 0.8, sanity check", "xxh3", generated(12), "a713daf0dfbb77e7"},
	{"xxHash 0.8, sanity check", "xxh3", generated(24), "a3fe70bf9d3510eb"},
	{"xxHash 0.8, sanity check", "xxh3", generated(48), "397da259ecba1f11"},
	{"xxHash 0.8, sanity check", "xxh3", generated(80), "bcdefbbb2c47c90a"},
	{"xxHash 0.8, sanity check", "xxh3", generated(195), "cd94217ee362ec3a"},
	{"xxHash 0.8, sanity check", "xxh3", generated(403), "cdeb804d65c6dea4"},
	{"xxHash 0.8, sanity check", "xxh3", generated(512), "617e49599013cb6b"},
	{"xxHash 0.8, sanity check", "xxh3", generated(2048), "dd59e2c3a5f038e0"},
	{"xxHash 0.8, sanity check", "xxh3", generated(2240), "6e73a90539cf2948"},
	{"xxHash 0.8, sanity check", "xxh3", generated(2367), "cb37aeb9e5d361ed"},
	{"xxHash 0.8, sanity check", "xxh128", generated(0), "99aa06d3014798d86001c324468d497f"},
	{"xxHash 0.8, sanity check", "xxh128", generated(1), "a6cd5e9392000f6ac44bdff4074eecdb"},
	{"xxHash 0.8, sanity check", "xxh128", generated(6), "082afe0b8162d12a3e7039bdda43cfc6"},
	{"xxHash 0.8, sanity check", "xxh128", generated(12), "6e3efd8fc7802b18061a192713f69ad9"},
	{"xxHash 0.8, sanity check", "xxh128", generated(24), "0ce966e4678d37611e7044d28b1b901d"},
	{"xxHash 0.8, sanity check", "xxh128", generated(48), "a002ac4e5478227ef942219aed80f67b"},
	{"xxHash 0.8, sanity check", "xxh128", generated(81), "4952f58181ab00425e8bafb9f95fb803"},
	{"xxHash 0.8, sanity check", "xxh128", generated(222), "337e09641b948717f1aebd597cec6b3a"},
	{"xxHash 0.8, sanity check", "xxh128", generated(403), "1b6de21e332dd73dcdeb804d65c6dea4"},
	{"xxHash 0.8, sanity check", "xxh128", generated(512), "18d2d110dcc9bca1617e49599013cb6b"},
	{"xxHash 0.8, sanity check", "xxh128", generated(2048), "f736557fd47073a5dd59e2c3a5f038e0"},
	{"xxHash 0.8, sanity check", "xxh128", generated(2240), "ccb134fbfa7ce49d6e73a90539cf2948"},
	{"xxHash 0.8, sanity check", "xxh128", generated(2367), "e89c0f6ff369b427cb37aeb9e5d361ed"},
}

const (
	twoBlocks512  = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
	twoBlocks1024 = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn" +
		"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
)

// counting returns n bytes that count 0, 1, 2, … modulo modulus.
func counting(n, modulus int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % modulus)
	}
	return string(b)
}

// generated returns the first n bytes of the input with which xxhsum checks itself.
func generated(n int) string {
	b, state := make([]byte, n), uint64(2654435761)
	for i := range b {
		b[i] = byte(state >> 56)
		state *= 11400714785074694797
	}
	return string(b)
}

func TestPublishedVectors(t *testing.T) {
	tried := map[string]bool{}
	for _, v := range vectors {
		t.Run(fmt.Sprintf("%s of %d bytes", v.algorithm, len(v.input)), func(t *testing.T) {
			if got := sumOf(named(t, v.algorithm), v.input); got != v.digest {
				t.Errorf("%s: got %s, want %s", v.source, got, v.digest)
			}
		})
		tried[v.algorithm] = true
	}
	for _, a := range digest.Table {
		if !tried[a.Name] {
			t.Errorf("no published vector of %s was tried", a.Name)
		}
	}
}

// TestPiecesGiveTheDigestOfTheWhole holds for lengths around every boundary of blocks and chunks.
func TestPiecesGiveTheDigestOfTheWhole(t *testing.T) {
	const most = 20_000
	data := generated(most)
	short := named(t, "blake2s-136")
	for _, a := range append(digest.Table[:len(digest.Table):len(digest.Table)], short) {
		h := a.New()
		for _, piece := range []int{1, 63, 64, 65, 1023, 1024, 1025, 4096, 8191, 8193} {
			h.Reset()
			a.Begin(h, most)
			for at := 0; at < most; at += piece {
				h.Write([]byte(data[at:min(at+piece, most)]))
				if at%7 == 0 {
					h.Sum(nil) // changes nothing
				}
			}
			if got, want := string(h.Sum([]byte("x"))), sumOf(a, data); len(got) != a.Size+1 || hexOf(got[1:]) != want {
				t.Errorf("%s in pieces of %d bytes: %x, want %s", a.Name, piece, got, want)
			}
		}
	}
}
