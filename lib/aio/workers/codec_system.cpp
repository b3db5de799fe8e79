#include <aio/workers/codec_system.hpp>

#include <cstddef>
#include <ios>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aio {

namespace {

struct CategoryRegistry {
    std::mutex mutex;
    std::vector<const std::error_category*> categories{&std::generic_category(), &std::system_category(),
                                                       &std::iostream_category()};
};

/// Never destroyed: error codes may be decoded while static objects are being destroyed.
CategoryRegistry& registry() {
    alignas(CategoryRegistry) static std::byte storage[sizeof(CategoryRegistry)];
    static CategoryRegistry* const instance = std::construct_at(reinterpret_cast<CategoryRegistry*>(storage));
    return *instance;
}

const std::error_category* find_in(const CategoryRegistry& known, std::string_view name) noexcept {
    for (const std::error_category* category : known.categories) {
        if (name == category->name()) {
            return category;
        }
    }
    return nullptr;
}

} // namespace

void register_error_category(const std::error_category& category) {
    CategoryRegistry& known = registry();
    const std::scoped_lock lock(known.mutex);
    if (find_in(known, category.name()) == nullptr) {
        known.categories.push_back(&category);
    }
}

const std::error_category* find_error_category(std::string_view name) noexcept {
    CategoryRegistry& known = registry();
    const std::scoped_lock lock(known.mutex);
    return find_in(known, name);
}

void Codec<std::error_code>::encode(ByteWriter& out, const std::error_code& code) {
    const char* name = code.category().name();
    if (find_error_category(name) == nullptr) {
        throw EncodeError("error category '" + std::string(name) + "' is not registered for sending");
    }
    aio::encode(out, std::string_view(name));
    aio::encode(out, code.value());
}

std::error_code Codec<std::error_code>::decode(ByteReader& in) {
    const auto name = aio::decode<std::string>(in);
    const std::error_category* category = find_error_category(name);
    if (category == nullptr) {
        throw DecodeError("error category '" + name + "' is not registered in this process");
    }
    return {aio::decode<int>(in), *category};
}

} // namespace aio
