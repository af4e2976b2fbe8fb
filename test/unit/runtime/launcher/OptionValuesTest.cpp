//===- OptionValuesTest.cpp - Sizes and ids on a command line -------------===//
//
// Every number that is written is either the number that is read or refused.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/OptionValues.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::launcher;
using testing::HasSubstr;

TEST(OptionValues, Sizes) {
  EXPECT_EQ(*parseSize("4096"), 4096u);
  EXPECT_EQ(*parseSize("1.5g"), 3u << 29);
  EXPECT_EQ(*parseSize("16GiB"), uint64_t(16) << 30);
  EXPECT_EQ(*parseSize("4096KB"), 4096u << 10);
  EXPECT_EQ(*parseSize("0"), 0u);
  EXPECT_EQ(*parseSize("524288T"), uint64_t(1) << 59);
  for (const char *wrong : {"", "G", "-1", "nan", "inf", "1e300", "1X", "1GG", "1KM", "1 G", "1048576T",
                            "1e18T", "0x10"})
    EXPECT_THAT(parseSize(wrong).message(), HasSubstr("expected a size")) << wrong;
}

TEST(OptionValues, Ids) {
  EXPECT_EQ(*parseIds("1, 2,2147483647\n"), (std::vector<int32_t>{1, 2, 2147483647}));
  for (const char *wrong : {"1,", ",1", "-1", "2147483648", "1 2", "a", "1,,2", "1.5"})
    EXPECT_THAT(parseIds(wrong).message(), HasSubstr("expected token ids")) << wrong;
}
