-- A filter for ingest, to start from: ingest PATH --filter samples/ingest/filter.lua
--
-- keep is called once for each text file, after it has been parsed, and decides whether it counts. All of
-- Lua's libraries are there but require, and what a call leaves in global variables is seen only by later
-- calls in the same interpreter.

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
