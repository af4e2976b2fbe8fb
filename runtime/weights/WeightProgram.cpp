//===- WeightProgram.cpp - How packed weights come to be ------------------===//
//
// Reading and checking the serialized form. Every product of sizes and strides
// is bounded before it is used.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/WeightProgram.h"

#include "runtime/io/JsonCursor.h"

#include <algorithm>
#include <cmath>

namespace dsv2::weights {

static constexpr int64_t MaxElements = int64_t(1) << 46;

/// Product of sizes, or -1 where one is negative or the product absurd.
static int64_t elementCount(const std::vector<int64_t> &sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count) ||
        count > MaxElements)
      return -1;
  }
  return count;
}

/// Whether offset + i·strides stays within [0, limit) for all i < sizes; the
/// sizes are not empty.
static bool staysInside(int64_t offset, const std::vector<int64_t> &sizes,
                        const std::vector<int64_t> &strides, int64_t limit) {
  if (offset < 0 || offset >= limit)
    return false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t reach;
    if (strides[i] < 0 ||
        __builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) ||
        __builtin_add_overflow(offset, reach, &offset) || offset >= limit)
      return false;
  }
  return true;
}

static Status problem(const Weight &weight, const std::string &what) {
  return Status::error("weights.json: weight " + weight.name + ": " + what);
}

static Status validateCopy(const Weight &weight, const WeightCopy &copy) {
  auto wrong = [&](const std::string &what) {
    return problem(weight, "copy of " + copy.source + ": " + what);
  };
  size_t rank = copy.sizes.size();
  if (copy.sourceStrides.size() != rank ||
      copy.destinationStrides.size() != rank || rank > 8)
    return wrong("sizes and strides must have equal ranks of at most 8");
  int64_t source = elementCount(copy.sourceShape);
  int64_t count = elementCount(copy.sizes);
  if (source < 0 || count < 0)
    return wrong("a shape is negative or too large");
  if (count == 0)
    return Status::success();
  if (!staysInside(copy.sourceOffset, copy.sizes, copy.sourceStrides, source))
    return wrong("reads outside its source");
  if (!staysInside(copy.destinationOffset, copy.sizes, copy.destinationStrides,
                   weight.bytes / elementBytes(weight.type)))
    return wrong("writes outside the weight");
  if (!std::isfinite(copy.scale))
    return wrong("the scale is not finite");
  return Status::success();
}

/// Checks one operand or weight on its own: its type, shape and copies, and
/// that the temporaries it reads are among the first `known`.
static Status validateContents(const Weight &weight,
                               const WeightProgram &program, size_t known) {
  int64_t count = elementCount(weight.shape);
  if (count < 0 || count > weight.bytes / elementBytes(weight.type))
    return problem(weight, "its shape does not fit in its bytes");
  if (weight.type == ElementType::F16)
    return problem(weight, "packed weights are bf16 or f32, got f16");
  for (const WeightCopy &copy : weight.copies) {
    if (Status status = validateCopy(weight, copy); !status.ok())
      return status;
    if (!isTemporary(copy.source))
      continue;
    auto end = program.temporaries.begin() + known;
    auto found = std::find_if(
        program.temporaries.begin(), end,
        [&](const Temporary &other) { return other.name == copy.source; });
    if (found == end || found->shape != copy.sourceShape)
      return problem(weight, "copy of " + copy.source +
                                 ": no earlier temporary has this name and "
                                 "shape");
  }
  return Status::success();
}

/// Checks temporary `i`.
static Status validateTemporary(const WeightProgram &program, size_t i) {
  const Temporary &temporary = program.temporaries[i];
  auto wrong = [&](const std::string &what) {
    return Status::error("weights.json: temporary " + temporary.name + ": " +
                         what);
  };
  if (!isTemporary(temporary.name))
    return wrong("its name does not begin with %");
  for (size_t j = 0; j < i; ++j)
    if (program.temporaries[j].name == temporary.name)
      return wrong("stands twice");
  const std::vector<int64_t> &l = temporary.lhs.shape, &r = temporary.rhs.shape;
  if (l.size() != 3 || r.size() != 3 || l[0] != r[0] || l[2] != r[1] ||
      temporary.shape != std::vector<int64_t>{l[0], l[1], r[2]})
    return wrong("its shapes are no product [H, I, K] x [H, K, J]");
  if (elementCount(temporary.shape) < 0 ||
      temporary.type == ElementType::F16)
    return wrong("its type or shape is not possible");
  for (const Weight *operand : {&temporary.lhs, &temporary.rhs})
    if (Status status = validateContents(*operand, program, i); !status.ok())
      return status;
  return Status::success();
}

Status validate(const WeightProgram &program) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (size_t i = 0; i < program.temporaries.size(); ++i)
    if (Status status = validateTemporary(program, i); !status.ok())
      return status;
  for (const Weight &weight : program.weights) {
    if (weight.offset < 0 || weight.offset % 64 != 0 || weight.bytes < 0 ||
        weight.offset > program.bytes ||
        weight.bytes > program.bytes - weight.offset)
      return problem(weight, "lies at [" + std::to_string(weight.offset) +
                                 ", +" + std::to_string(weight.bytes) +
                                 "), outside " +
                                 std::to_string(program.bytes) +
                                 " bytes or off a multiple of 64");
    if (Status status =
            validateContents(weight, program, program.temporaries.size());
        !status.ok())
      return status;
    if (!weight.values.empty() &&
        (weight.type != ElementType::F32 || !weight.copies.empty() ||
         static_cast<int64_t>(weight.values.size()) * 4 > weight.bytes))
      return problem(weight, "values must be f32, fit in its bytes and stand "
                             "alone");
    if (weight.bytes != 0)
      ranges.emplace_back(weight.offset, weight.offset + weight.bytes);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second)
      return Status::error("weights.json: two weights overlap at byte " +
                           std::to_string(ranges[i].first));
  return Status::success();
}

namespace {
/// Reads fields; the first error wins.
class Reader {
public:
  Status status = Status::success();

  int64_t integer(const JsonCursor &at, int64_t min = 0) {
    return take(at.integer(min, MaxElements), int64_t(0));
  }
  double number(const JsonCursor &at) { return take(at.number(), 0.0); }
  std::string string(const JsonCursor &at) {
    return std::string(take(at.string(), std::string_view()));
  }
  std::vector<int64_t> integers(const JsonCursor &at) {
    std::vector<int64_t> all;
    forEach(at, [&](const JsonCursor &item) { all.push_back(integer(item)); });
    return all;
  }
  template <typename Visitor>
  void forEach(const JsonCursor &at, Visitor visit) {
    const JsonArray *array =
        take(at.array(), static_cast<const JsonArray *>(nullptr));
    for (size_t i = 0; array && i < array->size() && status.ok(); ++i)
      visit(at.at(i));
  }

private:
  template <typename T> T take(Expected<T> value, T otherwise) {
    if (value.ok())
      return *value;
    if (status.ok())
      status = value.status();
    return otherwise;
  }
};
} // namespace

static WeightCopy parseCopy(Reader &reader, const JsonCursor &at) {
  WeightCopy copy;
  copy.source = reader.string(at["source"]);
  copy.sourceShape = reader.integers(at["source_shape"]);
  copy.sourceOffset = reader.integer(at["source_offset"]);
  copy.destinationOffset = reader.integer(at["destination_offset"]);
  copy.sizes = reader.integers(at["sizes"]);
  copy.sourceStrides = reader.integers(at["source_strides"]);
  copy.destinationStrides = reader.integers(at["destination_strides"]);
  if (at["scale"].present())
    copy.scale = reader.number(at["scale"]);
  return copy;
}

static ElementType parseType(Reader &reader, const JsonCursor &at) {
  std::string type = reader.string(at);
  if (type != "bf16" && type != "f32" && reader.status.ok())
    reader.status = at.expected("bf16 or f32");
  return type == "bf16" ? ElementType::BF16 : ElementType::F32;
}

/// What weights and operands have in common.
static Weight parseContents(Reader &reader, const JsonCursor &at) {
  Weight weight;
  weight.shape = reader.integers(at["shape"]);
  weight.type = parseType(reader, at["type"]);
  if (at["copies"].present())
    reader.forEach(at["copies"], [&](const JsonCursor &item) {
      weight.copies.push_back(parseCopy(reader, item));
    });
  if (at["values"].present())
    reader.forEach(at["values"], [&](const JsonCursor &item) {
      weight.values.push_back(reader.number(item));
    });
  return weight;
}

static Weight parseWeight(Reader &reader, const JsonCursor &at) {
  Weight weight = parseContents(reader, at);
  weight.name = reader.string(at["name"]);
  weight.offset = reader.integer(at["offset"]);
  weight.bytes = reader.integer(at["bytes"]);
  return weight;
}

static Temporary parseTemporary(Reader &reader, const JsonCursor &at) {
  Temporary temporary;
  temporary.name = reader.string(at["name"]);
  temporary.type = parseType(reader, at["type"]);
  temporary.shape = reader.integers(at["shape"]);
  auto operand = [&](const char *side) {
    Weight weight = parseContents(reader, at["merge"][side]);
    weight.name = std::string(side) + " of " + temporary.name;
    int64_t count = elementCount(weight.shape);
    weight.bytes = count < 0 ? 0 : count * elementBytes(weight.type);
    return weight;
  };
  temporary.lhs = operand("lhs");
  temporary.rhs = operand("rhs");
  return temporary;
}

Expected<WeightProgram> parseWeightProgram(const std::string &text) {
  // A model of a few hundred experts and layers has a copy for each expert.
  JsonLimits limits;
  limits.maxBytes = size_t(1) << 30;
  limits.maxValues = size_t(64) << 20;
  Expected<JsonValue> tree = parseJson(text, "weights.json", limits);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, "weights.json");
  Reader reader;
  if (reader.integer(root["version"]) != 1 && reader.status.ok())
    return root["version"].expected("1");
  WeightProgram program;
  program.bytes = reader.integer(root["bytes"]);
  if (root["temporaries"].present())
    reader.forEach(root["temporaries"], [&](const JsonCursor &item) {
      program.temporaries.push_back(parseTemporary(reader, item));
    });
  reader.forEach(root["weights"], [&](const JsonCursor &item) {
    int64_t slot = reader.integer(item["slot"]);
    if (reader.status.ok() &&
        slot != static_cast<int64_t>(program.weights.size()))
      reader.status =
          item["slot"].expected(std::to_string(program.weights.size()));
    program.weights.push_back(parseWeight(reader, item));
  });
  if (!reader.status.ok())
    return reader.status;
  if (Status status = validate(program); !status.ok())
    return status;
  return program;
}

} // namespace dsv2::weights
