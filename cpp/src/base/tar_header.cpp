// What a header block of an archive says, before anything is believed: ustar, GNU, star and v7 forms.
#include <algorithm>

#include "shipset/base/text.hpp"
#include "tar_impl.hpp"

namespace shipset::tar {

Error refused(std::string_view path, std::string why) {
  auto shown = printable(path, 200);
  return Error(ErrorKind::verify, "tar entry \"" + shown + "\" is refused", std::move(why)).with("entry", shown);
}

namespace {

std::string_view field_of(std::string_view block, Field field) {
  return block.substr(field.at, field.size);
}

std::string ustar_path(std::string_view block) {
  std::string path(parse_text(field_of(block, name_field)));
  if (field_of(block, magic_field) == gnu_magic || !block.substr(magic_field.at).starts_with("ustar")) return path;
  const bool star = field_of(block, star_magic_field) == std::string_view("tar\0", 4);
  const auto prefix = parse_text(field_of(block, star ? star_prefix_field : prefix_field));
  return prefix.empty() ? path : std::string(prefix) + "/" + path;
}

}  // namespace

Result<Header> parse_header(std::string_view block, std::uint64_t offset) {
  const auto broken = [&](const std::string& why) {
    return Error(ErrorKind::verify, "cannot read the tar archive",
                 "header at byte " + std::to_string(offset) + ": " + why);
  };
  const auto sum = parse_number(field_of(block, checksum_field));
  if (!sum || (*sum != static_cast<std::int64_t>(checksum(block)) && *sum != signed_checksum(block)))
    return broken("its checksum is wrong, so it is damaged or this is no tar archive");
  Header header;
  header.flag = block[type_field.at];
  header.path = ustar_path(block);
  header.link = parse_text(field_of(block, link_field));
  const auto number = [&](Field field, std::int64_t& value) {
    const auto parsed = parse_number(field_of(block, field));
    value = parsed.value_or(0);
    return parsed.has_value();
  };
  const bool device = header.flag == '3' || header.flag == '4';
  if (!number(mode_field, header.mode) || !number(uid_field, header.uid) || !number(gid_field, header.gid) ||
      !number(size_field, header.size) || !number(mtime_field, header.mtime) ||
      (device && (!number(major_field, header.major) || !number(minor_field, header.minor))))
    return broken("a number in it is malformed or out of range (entry \"" + printable(header.path, 200) + "\")");
  return header;
}

Result<void> apply_pax(const PaxRecords& records, Header& header) {
  for (const auto& [key, value] : records) {
    const auto malformed = [&, &key = key, &value = value] {
      return refused(header.path, "pax record " + printable(key, 60) + "=" + printable(value, 60) + " is malformed");
    };
    const auto number = [&, &value = value](std::int64_t& field) {
      const auto parsed = parse_decimal(value);
      field = static_cast<std::int64_t>(parsed.value_or(0));
      return parsed && *parsed >> 62 == 0;
    };
    if (key == "path") {
      header.path = value;
    } else if (key == "linkpath") {
      header.link = value;
    } else if (key == "size") {
      if (!number(header.size)) return malformed();
    } else if (key == "uid") {
      if (!number(header.uid)) return malformed();
    } else if (key == "gid") {
      if (!number(header.gid)) return malformed();
    } else if (key == "mtime") {
      const auto seconds = parse_time(value);
      if (!seconds) return malformed();
      header.mtime = *seconds;
    } else if (key.starts_with("SCHILY.xattr.") && key.size() > 13) {
      header.xattrs.insert_or_assign(key.substr(13), value);
    } else if (key.starts_with("GNU.sparse.") || key.starts_with("SCHILY.realsize")) {
      return refused(header.path, "it is a sparse file");
    }
  }
  return {};
}

Result<TarType> type_of(const Header& header) {
  switch (header.flag) {
    case '\0':
      return header.path.ends_with('/') ? TarType::directory : TarType::file;
    case '0':
    case '7':
      if (header.path.ends_with('/')) return refused(header.path, "it is a file whose name ends in \"/\"");
      return TarType::file;
    case '1':
      return TarType::hardlink;
    case '2':
      return TarType::symlink;
    case '3':
      return TarType::char_device;
    case '4':
      return TarType::block_device;
    case '5':
      return TarType::directory;
    case '6':
      return TarType::fifo;
    case 'S':
      return refused(header.path, "it is a sparse file");
    case 'M':
    case 'V':
      return refused(header.path, "it belongs to a multi-volume or labelled archive");
    default:
      return refused(header.path, "its type \"" + printable({&header.flag, 1}) + "\" is not supported");
  }
}

}  // namespace shipset::tar
