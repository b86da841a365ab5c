#include <ATen/Functions.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "temp_folder.h"

namespace compress {
namespace {

using test::error_of;
using test::TempFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string file_of(const std::string& header, const std::string& data) {
  uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Safetensors, EveryDtypeAndShapeReadsBack) {
  const TempFolder folder;
  NamedTensors saved;
  for (const auto dtype : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
                           at::kFloat, at::kDouble}) {
    saved.emplace_back(concat("x.", dtype), at::arange(7).remainder(3).to(dtype));
  }
  saved.emplace_back("scalar", at::scalar_tensor(3.5));
  saved.emplace_back("empty", at::empty({0, 4}));
  saved.emplace_back("strided", at::arange(12).view({3, 4}).t());
  saved.emplace_back("channels last", at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast));
  saved.emplace_back("a \"name\" \xc3\xa9", at::randn({3}).requires_grad_());
  save_safetensors(folder / "x.safetensors", saved, {{"format", "pt"}, {"note", "a\nb"}});

  const SafetensorsFile loaded = load_safetensors(folder / "x.safetensors");
  EXPECT_EQ(loaded.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"note", "a\nb"}}));
  ASSERT_EQ(loaded.tensors.size(), saved.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    EXPECT_EQ(loaded.tensors[i].first, saved[i].first);
    const at::Tensor& tensor = loaded.tensors[i].second;
    EXPECT_EQ(tensor.scalar_type(), saved[i].second.scalar_type());
    EXPECT_TRUE(tensor.is_contiguous());
    EXPECT_FALSE(tensor.requires_grad());
    EXPECT_TRUE(at::equal(tensor, saved[i].second)) << saved[i].first;
  }
}

TEST(Safetensors, HeaderIsPaddedAndTensorsAreAligned) {
  const TempFolder folder;
  save_safetensors(folder / "x", {{"mask", at::ones({3}, at::kByte)}, {"weight", at::ones({2})}});
  const std::string bytes = read_bytes(folder / "x");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes.size(), 8 + length + 11);
  EXPECT_THAT(bytes.substr(8, length), HasSubstr(R"("mask":{"dtype":"U8","shape":[3],"data_offsets":[8,11]})"));
  EXPECT_EQ(load_safetensors(folder / "x").tensors[0].first, "mask");  // the caller's order, not that of the data
}

TEST(Safetensors, NothingToSaveIsAFile) {
  const TempFolder folder;
  save_safetensors(folder / "x", {});
  EXPECT_TRUE(load_safetensors(folder / "x").tensors.empty());
}

TEST(Safetensors, SavingReplacesWholeFilesOnly) {
  const TempFolder folder;
  save_safetensors(folder / "x", {{"a", at::ones({2})}});
  save_safetensors(folder / "x", {{"b", at::ones({3})}});
  EXPECT_EQ(load_safetensors(folder / "x").tensors[0].first, "b");
  EXPECT_THROW(save_safetensors(folder / "x", {{"a", at::ones({2}, at::kComplexFloat)}}), Error);
  EXPECT_EQ(load_safetensors(folder / "x").tensors[0].first, "b");
  // Nothing is left aside, after success or failure.
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(error_of<Error>([&] { save_safetensors(folder / "taken", {}); }), HasSubstr("cannot be replaced"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST(Safetensors, SavingSaysWhatIsWrong) {
  const TempFolder folder;
  const at::Tensor x = at::ones({1});
  const auto error = [&](const NamedTensors& tensors) {
    return error_of<Error>([&] { save_safetensors(folder / "x", tensors); });
  };
  EXPECT_THAT(error({{"a", x}, {"a", x}}), HasSubstr("two tensors are named 'a'"));
  EXPECT_THAT(error({{"__metadata__", x}}), HasSubstr("cannot be named '__metadata__'"));
  EXPECT_THAT(error({{"a", at::Tensor()}}), HasSubstr("'a' has no dense data"));
  EXPECT_THAT(error({{"a", x.to(at::kMeta)}}), HasSubstr("'a' has no dense data"));
  EXPECT_THAT(error({{"a\xff", x}}), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of<Error>([&] { save_safetensors(folder / "no/x", {}); }), HasSubstr("No such file or directory"));
}

struct Damage {
  std::string name;
  std::string bytes;
  std::string message;
};

std::string one_tensor(const std::string& shape, const std::string& offsets, const std::string& dtype = "\"F32\"") {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

class SafetensorsDamage : public testing::TestWithParam<Damage> {};

TEST_P(SafetensorsDamage, IsOneLineThatNamesTheFile) {
  const TempFolder folder;
  const auto path = folder.write("bad.safetensors", GetParam().bytes);
  const std::string error = error_of<Error>([&] { load_safetensors(path); });
  EXPECT_THAT(error, AllOf(StartsWith(path.string() + ": "), HasSubstr(GetParam().message), Not(HasSubstr("\n"))));
}

const std::string eight(8, 'x');
const std::string two_tensors = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                R"("b":{"dtype":"F32","shape":[1],"data_offsets":)";

INSTANTIATE_TEST_SUITE_P(
    Files, SafetensorsDamage,
    testing::Values(
        Damage{"Empty", "", "0 bytes are too few"}, Damage{"CutLength", "abc", "3 bytes are too few"},
        Damage{"LongHeader", file_of("{}", "").substr(0, 9), "a header of 2 bytes does not fit in the file's 9"},
        Damage{"HugeHeader", std::string(8, '\xff') + "{}", "does not fit"},
        Damage{"NotJson", file_of("{\"a\":", ""), "the header is not JSON"},
        Damage{"NotUtf8", file_of("{\"a\xff\":1}", ""), "the header is not JSON"},
        Damage{"NotObject", file_of("[]", ""), "the header is not a JSON object"},
        Damage{"CutData", file_of(one_tensor("[2]", "[0,8]"), "1234"),
               "ends at byte 8 of the data, but the file holds 4"},
        Damage{"TooMuchData", file_of(one_tensor("[1]", "[0,4]"), eight), "4 bytes after the last tensor"},
        Damage{"WrongSize", file_of(one_tensor("[3]", "[0,8]"), eight), "do not hold the 12 bytes"},
        Damage{"Backwards", file_of(one_tensor("[2]", "[8,0]"), eight), "do not hold the 8 bytes"},
        Damage{"Negative", file_of(one_tensor("[-2]", "[0,8]"), eight), "shape is not a list of sizes"},
        Damage{"Fraction", file_of(one_tensor("[2.0]", "[0,8]"), eight), "shape is not a list of sizes"},
        Damage{"NegativeOffset", file_of(one_tensor("[2]", "[-8,0]"), eight), "data_offsets is not [begin, end]"},
        Damage{"ThreeOffsets", file_of(one_tensor("[2]", "[0,4,8]"), eight), "data_offsets is not [begin, end]"},
        Damage{"Overflow", file_of(one_tensor("[4611686018427387904,4]", "[0,0]"), ""), "shape is too large"},
        Damage{"OverflowEmpty", file_of(one_tensor("[4611686018427387904,4,0]", "[0,0]"), ""), "shape is too large"},
        Damage{"UnknownDtype", file_of(one_tensor("[2]", "[0,8]", "\"C64\""), eight),
               "dtype \"C64\" is not one of BOOL"},
        Damage{"DtypeNumber", file_of(one_tensor("[2]", "[0,8]", "32"), eight), "dtype is not a string"},
        Damage{"EntryNumber", file_of(R"({"w":3})", ""), "its entry needs dtype, shape and data_offsets"},
        Damage{"NoShape", file_of(R"({"w":{"dtype":"F32"}})", ""), "its entry needs dtype, shape and data_offsets"},
        Damage{"Metadata", file_of(R"({"__metadata__":{"a":1}})", ""), "__metadata__ 'a' is not a string"},
        Damage{"MetadataList", file_of(R"({"__metadata__":[]})", ""), "__metadata__ is not an object"},
        Damage{"Overlap", file_of(two_tensors + "[2,6]}}", "123456"), "'b' overlaps"},
        Damage{"Hole", file_of(two_tensors + "[5,9]}}", "123456789"), "bytes before tensor 'b' belong to no tensor"},
        Damage{"Twice",
               file_of(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                       R"("a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                       ""),
               "names 'a' twice"},
        Damage{"DtypeTwice", file_of(R"({"a":{"dtype":"F32","dtype":"F16","shape":[0],"data_offsets":[0,0]}})", ""),
               "names 'dtype' twice"}),
    [](const auto& info) { return info.param.name; });

TEST(Safetensors, FoldersAndMissingFilesAreNamed) {
  const TempFolder folder;
  EXPECT_THAT(error_of<Error>([&] { load_safetensors(folder.path()); }), HasSubstr("is not a regular file"));
  EXPECT_THAT(error_of<Error>([&] { load_safetensors(folder / "none"); }),
              HasSubstr("none: cannot be opened: No such"));
}

}  // namespace
}  // namespace compress
