-- A filter for ingest, to start from: ingest PATH --filter samples/ingest/filter.lua
--
-- keep is called once for each text file, after it has been parsed, and decides whether it counts. Everything of Lua's
-- standard library is there but require; global variables are seen only by calls that run in the same interpreter.

local wanted = { c = true, cc = true, cpp = true, cxx = true, h = true, hh = true, hpp = true, hxx = true }

-- path: as it was found, any bytes. lines, tokens, bytes: integers. Returns true or false.
function keep(path, lines, tokens, bytes)
    local extension = path:match("%.([^./]+)$")
    if not extension or not wanted[extension:lower()] then
        return false
    end
    -- Generated tables have few lines, and very long ones.
    return bytes > 0 and bytes < 500 * (lines + 1)
end
