select nconst, primaryname, birthyear, deathyear, primaryprofession, knownfortitles
from {{ source('files', 'name_basics_tsv') }}
